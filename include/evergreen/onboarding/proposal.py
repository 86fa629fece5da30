"""What is proposed for a new model, from a person's answers and from what its lake holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_tables import TABLES
from evergreen.adapters.secret_free import secret_free
from evergreen.config.settings import PROJECT
from evergreen.domain.errors import ColumnMissing, ModelSpecInvalid
from evergreen.onboarding.feature_columns import FeatureColumns, split_features
from evergreen.onboarding.figures import Figures, figures_of
from evergreen.onboarding.lake_seen import TableSeen, look
from evergreen.onboarding.names import NamedColumns, name_columns
from evergreen.trainer.model_code import load_code

EXAMPLE = "also_bought"
"""Whose `features.py` a model that is trained here begins with."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
Trained = Literal["here", "elsewhere"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a person says of a new model.

    Parameters:
        lake: its address; impressions and orders lie below it.
        lake_is_default: whether settings lead there without being told.
        attribution_window: as people write it; "" for what the lake shows.
        columns: contract name to the lake's own, where a person knows better.
    """

    model: str
    description: str
    owner: str
    lake: str
    lake_is_default: bool = False
    slack_channel: str = ""
    trained: Trained = "here"
    attribution_window: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A model that could be added.

    Parameters:
        columns: for `columns:` in `model.yaml`.
        features: in the impressions.
        made_features: those that `features.py` makes; () for a model that is trained elsewhere.
        notes: what a person should know, a sentence each.
    """

    answers: Answers
    tables: Mapping[str, TableSeen]
    columns: Mapping[str, str]
    features: FeatureColumns
    made_features: tuple[str, ...]
    figures: Figures
    notes: tuple[str, ...]

    @property
    def attribution_window(self) -> str:
        """What a person said, else what the lake shows."""
        return self.answers.attribution_window or f"{self.figures.immature_hours or 0}h"

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the model answers with: its score, or, where the log has none, the item."""
        return ("score",) if self.figures.scored else ("item_id",)


def check_name(model: str) -> None:
    """Refuse a name that cannot be a model's: it becomes a folder, a table key and a DAG id.

    Raises:
        ModelSpecInvalid: the text says which names can.
    """
    if not NAME.fullmatch(model):
        raise ModelSpecInvalid(
            f"{model[:80]!r} cannot be a model's name: small letters, digits and _, a letter first"
        )


def lake_address(said: str) -> str:
    """Return a lake's address as `model.yaml` can hold it: a URL, or a path from the root.

    Raises:
        ModelSpecInvalid: it holds a user or a password.
    """
    if secret_free(said) != said:
        raise ModelSpecInvalid(
            f"{secret_free(said)}: model.yaml is no place for credentials; give the address "
            f"without them, and let the environment hold them"
        )
    said = said.removeprefix("file://")
    return said if "://" in said else str(Path(said).expanduser().absolute())


def propose(answers: Answers) -> Proposal:
    """Look at the lake and return what follows.

    Raises:
        ModelSpecInvalid: the name cannot be a model's.
        WindowEmpty: the lake has no closed impressions with rows.
        ColumnMissing: columns for which nothing was found; the text has the nearest names.
        LakeUnreachable, FileCorrupt: it cannot be read.
    """
    check_name(answers.model)
    tables = look(answers.lake)
    impressions, orders = tables["impressions"], tables["orders"]
    _refuse_unknown(answers.columns, impressions, orders)
    of_impressions = name_columns(TABLES["impressions"], impressions.schema, answers.columns)
    shared = {**answers.columns, **of_impressions.own}
    of_orders = name_columns(TABLES["orders"], orders.schema, shared) if orders.schema else None
    here = answers.trained == "here"
    missing = [str(column) for column in of_impressions.missing]
    notes: list[str] = []
    columns = dict(of_impressions.renamed)
    troubles = _troubles(of_impressions, of_orders, impressions, orders)
    if here:
        missing += troubles
    elif orders.schema and troubles:
        notes.append(f"orders are left alone: {'; '.join(troubles)}")
    if missing:
        raise ColumnMissing(
            f"{secret_free(answers.lake)} lacks {len(missing)} of the columns that are needed: "
            f"{'; '.join(missing)}. Name one that is called otherwise: --column NAME=OWN"
        )
    if of_orders is not None and not troubles:
        columns |= of_orders.renamed
    lake = Lake(answers.lake, columns)
    # `columns:` renames in both tables: a feature that orders call unit_price is that here too
    others = {lake.canonical_name(c): kind for c, kind in of_impressions.features.items()}
    features = split_features(lake, impressions, others)
    figures = figures_of(lake, impressions)
    return Proposal(
        answers=answers,
        tables=tables,
        columns=columns,
        features=features,
        made_features=tuple(load_code(PROJECT / "include" / "models", EXAMPLE).FEATURES)
        if here
        else (),
        figures=figures,
        notes=(*notes, *_notes(figures, features)),
    )


def _refuse_unknown(given: Mapping[str, str], *tables: TableSeen) -> None:
    known = {name for table in TABLES.values() for name in (*table.required, *table.optional)}
    there = {column for table in tables for column in table.schema}
    for name, own in given.items():
        if name not in known:
            raise ColumnMissing(
                f"--column {name}={own}: Evergreen has no column {name}; it has: "
                f"{', '.join(sorted(known))}"
            )
        if own not in there:
            raise ColumnMissing(
                f"--column {name}={own}: the lake has no column {own}; it has: "
                f"{', '.join(sorted(there))}"
            )


def _troubles(
    of_impressions: NamedColumns, of_orders: NamedColumns | None, *tables: TableSeen
) -> list[str]:
    """Return why orders cannot be read with the impressions' names; one mapping holds for both."""
    if of_orders is None:
        return ["orders: there are no closed hours with rows; training needs them"]
    found = [str(column) for column in of_orders.missing]
    for name, own in of_orders.own.items():
        other = of_impressions.own.get(name)
        if other is not None and other != own:
            found.append(f"orders.{name} is called {own}, and impressions.{name} {other}")
        clash = [n for n, o in of_impressions.own.items() if o == own and n != name]
        if clash and own != name:
            found.append(f"orders.{name} and impressions.{clash[0]} are both called {own}")
    renamed = {**of_impressions.renamed, **of_orders.renamed}
    for table in tables:
        found += [
            f"{table.name} have {own} and {name}, and {own} is to be read as {name}"
            for name, own in renamed.items()
            if {own, name} <= set(table.schema)
        ]
    return found


def _notes(figures: Figures, features: FeatureColumns) -> list[str]:
    found = [f"column {name} is not watched: it {why}" for name, why in features.left_out.items()]
    if figures.immature_hours is None:
        found.append(
            "clicks are unknown in old hours too, so the attribution window cannot be seen: "
            "set lake.attribution_window"
        )
    if figures.ctr is None:
        found.append("no click is known yet: the CTR sensor says 'not enough data' until some are")
    elif not 0 < figures.ctr < 0.9:
        found.append(f"the CTR is {figures.ctr:.1%}: does clicked mean what it says?")
    if figures.closed_share < 1:
        found.append(f"only {figures.closed_share:.0%} of the hours are closed")
    return found

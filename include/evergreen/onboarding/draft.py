"""A model as it would be added: the proposal, its files, the spec they give, what sensors say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import FeaturesSpec, ModelSpec
from evergreen.config.settings import PROJECT
from evergreen.domain.errors import EvergreenError
from evergreen.onboarding.folder import SPEC, checked_spec
from evergreen.onboarding.last_month import LastMonth, last_month
from evergreen.onboarding.proposal import EXAMPLE, Proposal
from evergreen.onboarding.yaml_text import model_yaml

CODE = "features.py"
CODE_HEAD = """\
# Begun by `evergreen models add` as a copy of include/models/{example}/features.py, and now yours.
# It says which items are candidates beside an item, and what the model knows of each: candidates(),
# popular() and FEATURES; docs/how-to/add-a-model.md says what each must return. model.yaml picks
# from FEATURES. A change here makes the next retraining a new run.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What would be written, and what is known of it.

    Parameters:
        files: name to text.
        preview: None where the lake is too short, or where it was not asked for.
        no_preview: why there is none; "" where there is one, or it was not asked for.
    """

    proposal: Proposal
    files: Mapping[str, str]
    spec: ModelSpec
    preview: LastMonth | None
    no_preview: str


def draft(
    proposal: Proposal,
    *,
    models_dir: Path,
    preview: bool,
    say: Callable[[str], None] = lambda _: None,
) -> Draft:
    """Write the files in memory, read them as Airflow will, and ask the sensors about the past.

    Raises:
        ModelSpecInvalid: the model.yaml would not be right.
    """
    model = proposal.answers.model
    files = {SPEC: model_yaml(proposal)}
    if proposal.made_features:
        example = (PROJECT / "include" / "models" / EXAMPLE / CODE).read_text()
        files[CODE] = CODE_HEAD.format(example=EXAMPLE) + example
    spec = checked_spec(models_dir, model, files)
    said, why = _preview(proposal, spec, say) if preview else (None, "")
    return Draft(proposal=proposal, files=files, spec=spec, preview=said, no_preview=why)


def _preview(
    proposal: Proposal, spec: ModelSpec, say: Callable[[str], None]
) -> tuple[LastMonth | None, str]:
    """Judge the past with the features that the lake has; a bad hour ends only this."""
    there = {*proposal.features.names}
    watched = FeaturesSpec(
        numeric=tuple(name for name in spec.features.numeric if name in there),
        categorical=tuple(name for name in spec.features.categorical if name in there),
    )
    spec = spec.model_copy(update={"features": watched})
    lake = Lake(proposal.answers.lake, spec.columns)
    window = proposal.tables["impressions"].window
    try:
        said = last_month(spec, lake, window, say=say)
    except EvergreenError as error:
        return None, f"{type(error).__name__}: {error}"
    days = window.length.days if window else 0
    return said, "" if said else f"{days} days of impressions, six are needed"

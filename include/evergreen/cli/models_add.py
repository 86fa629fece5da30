"""`evergreen models add`: a few questions, a look at the lake, a model's folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evergreen.adapters.secret_free import secret_free
from evergreen.config.durations import parse_duration
from evergreen.config.settings import settings
from evergreen.domain.errors import ModelSpecInvalid

if TYPE_CHECKING:
    from evergreen.onboarding.draft import Draft
    from evergreen.onboarding.last_month import LastMonth
    from evergreen.onboarding.proposal import Answers, Proposal

MOST_REQUESTS = 10
MOST_REASON = 160


def add(
    name: Annotated[str, typer.Argument(help="The model: small letters, digits and _.")] = "",
    description: Annotated[str, typer.Option(help="What it recommends, in one sentence.")] = "",
    owner: Annotated[str, typer.Option(help="Who is asked: a person or a team.")] = "",
    lake: Annotated[
        str,
        typer.Option(help="Where impressions/ and orders/ lie. Default: the installation's lake."),
    ] = "",
    slack_channel: Annotated[str, typer.Option(help="Where messages go, #recommendations.")] = "",
    train: Annotated[
        str, typer.Option(help="`here`, or `elsewhere`: then it is watched only.")
    ] = "",
    attribution_window: Annotated[
        str, typer.Option(help="How long a click still counts, 1h. Default: what the lake shows.")
    ] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(help="Evergreen's name and the lake's own, item_id=sku; as often as needed."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: flags say all.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write the model.yaml of an existing folder anew.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the model.yaml and write nothing.")
    ] = False,
    preview: Annotated[
        bool, typer.Option(help="Show what the sensors would have said of the newest weeks.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; asks nothing.")] = False,
) -> None:
    """Add a model: look at its lake, propose a model.yaml, check it, try the sensors on the past.

    What is not given by flags is asked for. Nothing is written before the end, and then all at
    once; an existing folder is left alone without `--force`.
    """
    from evergreen.onboarding.draft import draft
    from evergreen.onboarding.folder import put_folder, refuse_existing
    from evergreen.onboarding.proposal import propose

    quiet = yes or as_json
    answers = _ask(
        {"name": name, "description": description, "owner": owner, "lake": lake, "train": train},
        slack_channel=slack_channel,
        attribution_window=attribution_window,
        columns=_mapping(column or []),
        quiet=quiet,
        before=lambda model: dry_run or refuse_existing(settings().models_dir, model, force=force),
    )
    aside = dry_run or as_json  # standard output is the file's, or the JSON's

    def say(text: str) -> None:
        typer.echo(text, err=aside)

    say(f"looking at {secret_free(answers.lake)}")
    proposal = propose(answers)
    _show_proposal(proposal, say)
    made = draft(proposal, models_dir=settings().models_dir, preview=preview, say=say)
    _show_preview(made, say)
    if dry_run:
        if not as_json:
            typer.echo(made.files["model.yaml"], nl=False)
    elif not quiet and not typer.confirm("Write it?", default=True):
        say("nothing was written")
        return
    written = (
        [] if dry_run else put_folder(settings().models_dir, answers.model, made.files, force=force)
    )
    for path in written:
        say(f"written: {path}")
    if written:
        say(_what_next(proposal))
    if as_json:
        typer.echo(json.dumps(_body(made, [str(path) for path in written])))


def _ask(
    said: dict[str, str],
    *,
    slack_channel: str,
    attribution_window: str,
    columns: dict[str, str],
    quiet: bool,
    before: Any,
) -> Answers:
    """Return the answers: flags first, then questions, as far as there may be any.

    Raises:
        ModelSpecInvalid: an answer is missing and nothing may be asked, or cannot be used.
        ModelExists: the name is taken.
    """
    from evergreen.onboarding.proposal import Answers, check_name, lake_address

    def answer(key: str, question: str, default: str | None = None) -> str:
        if said[key]:
            return said[key]
        if quiet:
            if default is None:
                flag = "the name" if key == "name" else f"--{key}"
                raise ModelSpecInvalid(f"{flag} is missing, and with --yes nothing is asked")
            return default
        return str(typer.prompt(question, default=default, err=True)).strip()

    model = answer("name", "Name of the model (small letters, digits and _)")
    check_name(model)
    before(model)
    description = answer("description", "What does it recommend, in one sentence?")
    owner = answer("owner", "Who is asked about it (a person or a team)?")
    own_lake = settings().lake_root(model)
    lake = answer("lake", "Where is its lake?", own_lake)
    lake = lake if lake == own_lake else lake_address(lake)  # the setting's is not written
    trained = answer("train", "Is it trained here, or elsewhere and only watched?", "here")
    if trained not in ("here", "elsewhere"):
        raise ModelSpecInvalid(f"--train {trained}: expected here or elsewhere")
    if attribution_window:
        try:
            parse_duration(attribution_window)
        except ValueError as error:
            raise ModelSpecInvalid(f"--attribution-window: {error}") from None
    return Answers(
        model=model,
        description=description,
        owner=owner,
        lake=lake,
        lake_is_default=lake == own_lake,
        slack_channel=slack_channel,
        trained=trained,  # type: ignore[arg-type]
        attribution_window=attribution_window,
        columns=columns,
    )


def _mapping(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, own = pair.partition("=")
        if not (name and equals and own):
            raise ModelSpecInvalid(f"--column {pair}: expected NAME=OWN, for example item_id=sku")
        found[name] = own
    return found


def _show_proposal(proposal: Proposal, say: Any) -> None:
    figures = proposal.figures
    for table in proposal.tables.values():
        if table.window is None:
            say(f"  {table.name:<12} none")
            continue
        say(
            f"  {table.name:<12} {len(table.rows):,} closed hours in {table.window}; "
            f"{table.listed_hours:,} hours in all"
        )
    ctr = "not known" if figures.ctr is None else f"{figures.ctr:.2%}"
    say(
        f"  newest       {figures.rows:,} rows in {figures.hours} hours, about "
        f"{figures.rows_an_hour:,.0f} an hour; CTR {ctr}"
    )
    say(f"  clicks count for {proposal.attribution_window} after an impression")
    if proposal.columns:
        renamed = ", ".join(f"{name} is {own}" for name, own in proposal.columns.items())
        say(f"  columns      {renamed}")
    features = proposal.features
    say(
        f"  features     {len(features.numeric)} numbers, {len(features.categorical)} texts in the "
        "impressions"
    )
    for note in proposal.notes:
        say(f"  note         {note}")


def _show_preview(made: Draft, say: Any) -> None:
    if made.no_preview:
        say(f"what the sensors would have said is not known: {made.no_preview}")
    if made.preview is not None:
        for line in preview_lines(made.preview):
            say(line)


def preview_lines(said: LastMonth) -> list[str]:
    """Return what the sensors would have said, in words."""
    days = said.judged.length.days
    asked = len(said.requests)
    lines = [
        f"had the sensors watched the newest {days} days, with a profile of {said.reference}:",
        f"  {said.hours:,} hours judged, {said.alarmed_hours} with an alarm; a retraining asked "
        f"for {asked} times (a false one is expected {said.promised:.2g} times in so many days)",
    ]
    for request in said.requests[:MOST_REQUESTS]:
        text = str(request)
        lines.append(f"  {text if len(text) <= MOST_REASON else text[: MOST_REASON - 1] + '…'}")
    if asked > MOST_REQUESTS:
        lines.append(f"  and {asked - MOST_REQUESTS} more")
    if asked > 1:
        lines.append("  nothing was retrained meanwhile, so what was found is found again each day")
    return lines


def _what_next(proposal: Proposal) -> str:
    model = proposal.answers.model
    if proposal.made_features:
        return f"next: evergreen retrain --model {model} --reason 'first champion'"
    return f"next: evergreen profile make --model {model} --version VERSION --from HOUR --to HOUR"


def _body(made: Draft, written: list[str]) -> dict[str, Any]:
    proposal, said = made.proposal, made.preview
    return {
        "model": proposal.answers.model,
        "lake": secret_free(proposal.answers.lake),
        "columns": dict(proposal.columns),
        "numeric": list(proposal.features.numeric),
        "categorical": list(proposal.features.categorical),
        "left_out": dict(proposal.features.left_out),
        "figures": asdict(proposal.figures),
        "notes": list(proposal.notes),
        "yaml": made.files["model.yaml"],
        "written": written,
        "preview": None
        if said is None
        else {
            "reference": str(said.reference),
            "judged": str(said.judged),
            "hours": said.hours,
            "alarmed_hours": said.alarmed_hours,
            "promised": said.promised,
            "requests": [str(request) for request in said.requests],
        },
        "no_preview": made.no_preview,
    }

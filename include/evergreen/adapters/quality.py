"""Great Expectations: a model's suites over its frames of facts, and the Data Docs of the run.

Each run opens a private copy of `great_expectations/`, so that runs do not meet and no file of
the repository changes. Importing Great Expectations takes seconds: that happens when it is used.
"""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from evergreen.adapters.quality_files import (
    ALWAYS_JUDGED,
    invalid,
    require_suite,
    suite_name,
    suites_of,
)
from evergreen.adapters.quality_names import require_known
from evergreen.adapters.quality_result import INDEX_COLUMNS, PROBLEM, Judged, frame_scope, judged
from evergreen.config.settings import settings
from evergreen.domain.errors import PagesIncomplete
from evergreen.domain.quality import Finding, Severity
from evergreen.domain.windows import as_utc

if TYPE_CHECKING:
    import polars as pl

    from evergreen.domain.profile import ReferenceProfile

__all__ = ["suites_of", "validate"]
CONTEXT_FILE = "great_expectations.yml"
SOURCE, BATCH = "facts", "frame"  # as the context file calls them
OWN_FOLDER = "data_context_root_directory: "  # of the data source: GX takes it for the cwd's
RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": list(INDEX_COLUMNS),
    "return_unexpected_index_query": False,
}


def validate(
    frames: Mapping[str, pl.DataFrame],
    model: str,
    *,
    name: str,
    at: datetime,
    docs: Path,
    profile: ReferenceProfile | None = None,
) -> list[Finding]:
    """Return what does not meet the suites of a model, and write the Data Docs of the run.

    A frame without rows is passed over, and so are plain rows without a suite. An expectation that
    cannot be evaluated is a warning that says why, unless it is critical: nothing passes unjudged.

    Parameters:
        frames: suite to its facts; each has the columns `scope` and `subject`.
        name: of the run; a repeat with the same name and `at` writes the same pages.
        at: when the facts are from, not the wall clock's time.
        docs: the folder that receives `index.html` and the pages below it.
        profile: of the champion, for the suites of a model that has none of its own.

    Raises:
        SuiteInvalid: a suite cannot be read or is lost, names a fact that there is not, or a
            critical expectation cannot be evaluated; the text names its file.
        PagesIncomplete: Great Expectations did not write a page.
    """
    suites = suites_of(model, profile=profile)
    facts = {frame: _told(rows) for frame, rows in frames.items() if rows.height}
    for frame in facts:
        require_suite(model, frame, suites)
    judging = {frame: rows for frame, rows in facts.items() if frame in suites}
    for frame, rows in judging.items():
        require_known(model, frame, suites[frame], rows)
    with _quiet(), TemporaryDirectory(prefix="evergreen-gx-") as folder:
        root = _private_copy(Path(folder) / "great_expectations", judging)
        context = _open(root)
        results = _run(context, model, {f: suites[f] for f in judging}, name=name, at=as_utc(at))
        said = {frame: list(map(judged, result["results"])) for frame, result in results.items()}
        _require_evaluated(model, said)
        context.build_data_docs()
        _hand_over(root / "uncommitted" / "data_docs", docs, expected=len(judging))
    return [
        finding
        for frame, of_frame in said.items()
        for one in of_frame
        for finding in one.findings(frame, frame_scope(frames[frame]["scope"].to_list()))
    ]


def _require_evaluated(model: str, said: Mapping[str, list[Judged]]) -> None:
    """Raise if a critical expectation said nothing: its hours would pass, and leave quarantine."""
    for frame in ALWAYS_JUDGED & {*said}:
        for one in said[frame]:
            if one.problem and one.severity is Severity.ERROR:
                problem = f"its expectation of {one.fact} cannot be evaluated: {one.problem}"
                raise invalid(model, frame, problem)


def _private_copy(root: Path, frames: Mapping[str, pl.DataFrame]) -> Path:
    """Make a context of this run's own, with the frames where its data source looks for them."""
    own = settings().gx_dir
    facts = root / "uncommitted" / "facts"
    facts.mkdir(parents=True)
    shutil.copytree(own / "plugins", root / "plugins")
    text = (own / CONTEXT_FILE).read_text()
    (root / CONTEXT_FILE).write_text(text.replace(f"{OWN_FOLDER}.", f"{OWN_FOLDER}{root}"))
    for frame, rows in frames.items():
        rows.write_parquet(facts / f"{frame}.parquet")
    return root


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    """Give a frame the column that results tell of, and what is never there a number's type.

    Conditions calculate with columns, and pandas cannot calculate with None.
    """
    import polars as pl

    told = rows if PROBLEM in rows.columns else rows.with_columns(pl.lit("").alias(PROBLEM))
    return told.with_columns(pl.col(pl.Null).cast(pl.Float64))


def _open(root: Path) -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read while it is imported
    import great_expectations as gx

    return gx.get_context(mode="file", context_root_dir=str(root))


def _run(
    context: Any, model: str, suites: Mapping[str, Mapping[str, Any]], *, name: str, at: datetime
) -> dict[str, Any]:
    """Run one checkpoint over all suites, and return frame to its results as JSON."""
    if not suites:
        return {}
    from great_expectations import Checkpoint, ValidationDefinition
    from great_expectations.core.run_identifier import RunIdentifier

    source = context.data_sources.get(SOURCE)
    definitions = [
        context.validation_definitions.add(
            ValidationDefinition(
                name=frame,
                data=source.get_asset(frame).get_batch_definition(BATCH),
                suite=context.suites.add(_suite(model, frame, body)),
            )
        )
        for frame, body in suites.items()
    ]
    checkpoint = context.checkpoints.add(
        Checkpoint(name=name, validation_definitions=definitions, result_format=RESULT_FORMAT)
    )
    done = checkpoint.run(run_id=RunIdentifier(run_name=name, run_time=at))
    return {
        result.suite_name.removeprefix(suite_name(model, "")): result.to_json_dict()
        for result in done.run_results.values()
    }


def _suite(model: str, frame: str, body: Mapping[str, Any]) -> Any:
    """Make Great Expectations' own suite; ids are this run's.

    One by one: a suite that is made at once leaves out what it does not know, and goes on.
    """
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    made = []
    for number, one in enumerate(body["expectations"], start=1):
        said = {key: value for key, value in one.items() if key != "id"}
        try:
            made.append(ExpectationConfiguration(**said).to_domain_obj())
        except Exception as error:  # whatever pydantic, the registry or a type check raises
            problem = f"its expectation {number}: {type(error).__name__}: {error}"
            raise invalid(model, frame, problem) from error
    return ExpectationSuite(name=suite_name(model, frame), expectations=made)


def _hand_over(site: Path, docs: Path, *, expected: int) -> None:
    """Copy the pages, without the pictures and fonts that they do not use."""
    pages = [path.relative_to(site) for path in site.rglob("*.html")]
    if len(pages) != expected + 1:
        raise PagesIncomplete(
            f"Data Docs have {len(pages)} pages, expected an index and {expected} suites; the log "
            f"of Great Expectations says why: {', '.join(map(str, pages))}"
        )
    for page in pages:
        (docs / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(site / page, docs / page)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what Great Expectations says about itself; its errors are still logged."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)

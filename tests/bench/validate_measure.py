"""One process of `validate.py`: `ours` or `plain`; the last line is JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from validate_data import DAY, FEATURES, VERSION

from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import HOUR, Window

INSIDE = 0.6
"""Share of values that must lie between the profile's outer edges, which hold 80 % of them."""


SPEC = {
    "model": "bench",
    "description": "Made rows.",
    "owner": "bench",
    "features": {"numeric": list(FEATURES)},
    "train": {"enabled": False},
}


def spec() -> ModelSpec:
    """Return the spec of the made model."""
    return ModelSpec.model_validate(SPEC)


def store_profile(lake: Lake, stored: Path) -> None:
    """Write the reference profile of the day's first hour."""
    from evergreen.adapters.reference import reference_profile

    first = Window(DAY.start, DAY.start + HOUR)
    stored.write_text(json.dumps(reference_profile(lake, first, spec(), version=VERSION).to_json()))


def profile_of(stored: Path) -> ReferenceProfile:
    """Return the stored profile."""
    return ReferenceProfile.from_json(json.loads(stored.read_text()), model_version=VERSION)


def ours(lake: Lake, stored: Path) -> dict[str, Any]:
    """Validate the day as the nightly task does."""
    from evergreen.adapters.facts import Known, day_facts
    from evergreen.adapters.quality import validate

    profile = profile_of(stored)
    began = time.perf_counter()
    found = day_facts(lake, spec(), DAY, Known(versions=frozenset({VERSION}), profile=profile))
    facts_s, facts_mb = time.perf_counter() - began, peak_mb()
    frames = {"impressions": found.impressions, "features": found.features}
    if found.impressions["rows"].min() == 0:
        raise SystemExit("an hour was not counted")
    began = time.perf_counter()
    with TemporaryDirectory() as docs:
        findings = validate(
            frames, "bench", name="bench", at=DAY.start, docs=Path(docs), profile=profile
        )
    suites_s = time.perf_counter() - began
    return {
        "facts_s": round(facts_s, 2),
        "facts_peak_mb": facts_mb,
        "suites_s": round(suites_s, 2),
        "findings": len(findings),
        "errors": sum(finding.severity == "error" for finding in findings),
    }


def plain(lake: Lake, stored: Path, hours: int) -> dict[str, Any]:
    """Validate hours by Great Expectations alone, each as one pandas frame."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    source = context.data_sources.add_pandas("plain")
    batches = source.add_dataframe_asset("hour").add_batch_definition_whole_dataframe("whole")
    made = list(DAY.hours())[:hours]
    count, began = 0, time.perf_counter()
    for hour in made:
        closing = lake.require_closed("impressions", hour)
        (file,) = closing.files
        frame = pd.read_parquet(lake.files.uri(f"impressions/{file.path}"))
        frame = frame.astype(dict.fromkeys(frame.select_dtypes("float32"), "float64"))
        frame = frame.astype({"position": "int64"})  # other types it compares one by one
        expectations = checks(hour, closing.rows, profile_of(stored))
        suite = gx.ExpectationSuite(name=f"{hour:%H}", expectations=expectations)
        batch = batches.get_batch(batch_parameters={"dataframe": frame})
        result = batch.validate(suite, result_format="BOOLEAN_ONLY")
        raised = [r for r in result.results if r.exception_info.get("raised_exception")]
        if not result.success or raised:
            raise SystemExit(f"plain Great Expectations found: {result.describe()[:2000]}")
        count = len(result.results)
    return {"hours_s": round(time.perf_counter() - began, 3), "expectations": count}


def checks(hour: Any, rows: int, profile: ReferenceProfile) -> list[Any]:
    """Return the row-level checks that Great Expectations can say of a pandas frame."""
    import great_expectations.expectations as gxe

    contract = ("event_time", "page_view_id", "item_id", "position", "model_version", "source")
    columns = [*contract, "user_id", "context_item_id", "score", "propensity", "clicked", *FEATURES]
    found: list[Any] = [
        gxe.ExpectTableColumnsToMatchSet(column_set=columns, exact_match=False),
        gxe.ExpectTableRowCountToEqual(value=rows),
        *(gxe.ExpectColumnValuesToNotBeNull(column=column) for column in contract),
        gxe.ExpectColumnValuesToNotBeNull(column="user_id", mostly=0.5),
        gxe.ExpectColumnValuesToNotBeNull(column="clicked", mostly=0.9),
        gxe.ExpectColumnValuesToNotBeNull(column="score", mostly=0.9),
        gxe.ExpectColumnValuesToBeBetween(
            column="event_time", min_value=hour, max_value=hour + HOUR, strict_max=True
        ),
        gxe.ExpectColumnValuesToBeBetween(column="position", min_value=1, max_value=127),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["page_view_id", "position"]),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["page_view_id", "item_id"]),
        gxe.ExpectColumnValuesToBeInSet(column="model_version", value_set=[VERSION]),
        gxe.ExpectColumnValuesToBeInSet(column="source", value_set=["model", "fallback"]),
        gxe.ExpectColumnValuesToBeBetween(
            column="propensity", min_value=0, max_value=1, strict_min=True
        ),
        gxe.ExpectColumnMeanToBeBetween(column="clicked", min_value=0.01, max_value=0.2),
    ]
    for name in FEATURES:
        bins = profile.columns[name].bins.to_json()["edges"]
        found += [
            gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=0.9),
            gxe.ExpectColumnValuesToBeBetween(
                column=name, min_value=bins[0], max_value=bins[-1], mostly=INSIDE
            ),
        ]
    return found


def peak_mb() -> int:
    """Return the most memory that this process has held so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1_024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Print one JSON line: `validate_measure.py ours|plain LAKE PROFILE [HOURS]`."""
    mode, lake, stored = sys.argv[1], Lake(sys.argv[2]), Path(sys.argv[3])
    found = ours(lake, stored) if mode == "ours" else plain(lake, stored, int(sys.argv[4]))
    print(json.dumps({**found, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()

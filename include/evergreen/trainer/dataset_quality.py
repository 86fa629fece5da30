"""The rows that a challenger would learn from against the model's suite of the training frame.

Great Expectations costs seconds to import and the trainer's image has none, so facts and suites are
imported when there are rows to judge.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evergreen.domain.errors import DatasetRefused
from evergreen.domain.quality import Finding, Severity
from evergreen.trainer.dataset import STEP
from evergreen.trainer.manifest import RunDir

if TYPE_CHECKING:
    from evergreen.adapters.data_docs import DataDocs
    from evergreen.domain.profile import ReferenceProfile

FRAME = "training"
SHOWN = 5


def validate_dataset(
    run_dir: str, *, profile: ReferenceProfile | None, docs: DataDocs | None = None
) -> dict[str, Any]:
    """Check the rows of `build_dataset` before anything is trained on them.

    Nothing is remembered: asked again, the same rows give the same answer.

    Parameters:
        profile: of the champion, for the share of missing values; None compares nothing.
        docs: where the pages of this validation are kept; None keeps none.

    Returns:
        Rows and warnings.

    Raises:
        DatasetRefused: the suite finds an error; the text says which features, and why.
        ManifestInvalid: `build_dataset` has not finished.
    """
    from evergreen.adapters.data_docs import dataset_run
    from evergreen.adapters.facts_training import training_facts
    from evergreen.adapters.quality import validate

    run = RunDir(run_dir)
    manifest, spec = run.manifest(), run.spec()
    name = dataset_run(manifest["run_key"])
    with tempfile.TemporaryDirectory(prefix="evergreen-dataset-") as folder:
        rows, pages = Path(folder) / "rows", Path(folder) / "pages"
        rows.mkdir()
        files = [run.fetch(STEP, file, rows / file) for file in ("train.parquet", "valid.parquet")]
        facts = training_facts(files, spec, profile, scope=manifest["run_key"])
        findings = validate(
            {FRAME: facts},
            spec.model,
            name=name,
            at=datetime.fromisoformat(manifest["window"]["end"]),
            docs=pages,
            profile=profile,
        )
        if docs is not None:
            docs.put(pages, name)
    errors = [found for found in findings if found.severity is Severity.ERROR]
    if errors:
        raise DatasetRefused(_refusal(spec.model, errors))
    return {"rows": facts["rows"][0], "warnings": [found.text for found in findings]}


def _refusal(model: str, errors: list[Finding]) -> str:
    more = f" and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
    return (
        f"the training frame failed its validation: "
        f"{'; '.join(found.text for found in errors[:SHOWN])}{more}. Nothing was trained. Mend "
        f"features.py or the orders, then start the retraining again; an expectation that is wrong "
        f"is in great_expectations/expectations/{model}.{FRAME}.json"
    )

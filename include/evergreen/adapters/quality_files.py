"""The suites that people own: `great_expectations/expectations/<model>.<frame>.json`."""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evergreen.adapters.installation import spec_of
from evergreen.adapters.quality_suites import default_suites
from evergreen.config.settings import settings
from evergreen.domain.errors import SuiteExists, SuiteInvalid

if TYPE_CHECKING:
    from evergreen.domain.profile import ReferenceProfile

log = logging.getLogger(__name__)
FRAMES = ("impressions", "orders", "features", "training", "rows")
"""The frames of facts that there are."""
ALWAYS_JUDGED = frozenset(FRAMES) - {"rows"}
"""Those that nothing may pass over: their findings keep hours and rows out of training."""


def suite_name(model: str, frame: str) -> str:
    """Return a suite's name: `also_bought.orders`."""
    return f"{model}.{frame}"


def suite_path(model: str, frame: str) -> Path:
    """Return where the suite of a frame is kept."""
    return settings().gx_dir / "expectations" / f"{suite_name(model, frame)}.json"


def suites_of(model: str, *, profile: ReferenceProfile | None = None) -> dict[str, dict[str, Any]]:
    """Return frame to its suite: what people own of this model, else the defaults.

    Parameters:
        profile: of the champion; the defaults depend on it.

    Raises:
        SuiteInvalid: a file cannot be read, or is about no frame that there is; the text names it.
    """
    start = len(suite_name(model, ""))
    paths = suite_path(model, "*")
    found = {
        path.stem[start:]: _read(path, path.stem) for path in sorted(paths.parent.glob(paths.name))
    }
    for frame in found:
        if frame not in FRAMES:
            near = difflib.get_close_matches(frame, FRAMES, n=1)
            hint = f"rename it to {suite_name(model, near[0])}.json" if near else "remove it"
            problem = f"no facts are called {frame!r}, only {', '.join(FRAMES)}; {hint}"
            raise invalid(model, frame, problem)
    if found:
        return found
    log.warning(
        "%s has no suites of its own and is judged by the defaults; write them, then edit them: "
        "`evergreen validate init --model %s`",
        model,
        model,
    )
    return default_suites(spec_of(model), profile, None)


def require_suite(model: str, frame: str, suites: Mapping[str, Any]) -> None:
    """Raise if nothing would judge the facts of a frame: a suite that is lost passes everything.

    Raises:
        SuiteInvalid: the text names the file, and how to say that nothing is expected.
    """
    if frame in ALWAYS_JUDGED and frame not in suites:
        problem = (
            f"there is no such suite, the model has others ({', '.join(suites)}), and {frame} have "
            f'rows; if nothing is expected of them, write {{"expectations": []}} into it'
        )
        raise invalid(model, frame, problem)


def write_suites(suites: Mapping[str, Mapping[str, Any]], model: str, *, force: bool) -> list[Path]:
    """Write a model's suites, and return their files.

    Parameters:
        force: replace those that are there.

    Raises:
        SuiteExists: one is there, and `force` is not given; nothing was written.
    """
    paths = {suite_path(model, frame): suite for frame, suite in suites.items()}
    there = [path.name for path in paths if path.exists()]
    if there and not force:
        raise SuiteExists(
            f"{', '.join(there)} would be overwritten, with whatever people have edited; nothing "
            f"was written; pass --force to write them anew"
        )
    for path, suite in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(suite, indent=2, ensure_ascii=False) + "\n")
    return list(paths)


def invalid(model: str, frame: str, problem: str) -> SuiteInvalid:
    """Return the error that says which suite is wrong and what to do."""
    text = " ".join(problem.split())[:400]
    return SuiteInvalid(
        f"{suite_path(model, frame)}: {text}; mend it, restore it from version control, or write "
        f"it anew: `evergreen validate init --model {model} --force`"
    )


def _read(path: Path, name: str) -> dict[str, Any]:
    model, _, frame = name.partition(".")
    try:
        body: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise invalid(model, frame, f"it is not JSON: {error}") from None
    rules = body.get("expectations") if isinstance(body, dict) else None
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise invalid(model, frame, 'expected an object with a list "expectations" of objects')
    if body.get("name", name) != name:
        raise invalid(model, frame, f"expected the name {name!r}, found {body['name']!r}")
    return body

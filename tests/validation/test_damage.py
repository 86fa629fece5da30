"""Every kind of damage is caught by the expectation that should catch it; good days raise no error.

The kinds are those of `kinds_of_damage`, from which docs/reference/damage.md is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from damage import Damage
from findings import Judged
from kinds_of_damage import DAMAGES

from evergreen.adapters.quality_files import suites_of
from evergreen.domain.quality import DAY_SCOPE, Finding, Severity

pytestmark = pytest.mark.timeout(600)
MODELS = ("also_bought", "open_bandit")


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Callable[[str], Judged]:
    """Return what finds a model's judgements; only the models that are asked for are judged."""
    fixtures = {"also_bought": "judged_shop", "open_bandit": "judged_bandits"}
    return lambda model: request.getfixturevalue(fixtures[model])


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def texts(findings: list[Finding]) -> str:
    return "\n".join(f"{finding.severity}: {finding.text}" for finding in findings) or "nothing"


def test_there_are_forty_kinds() -> None:
    assert len({damage.name for damage in DAMAGES}) == len(DAMAGES) >= 40


@pytest.mark.parametrize("model", MODELS)
def test_every_expectation_has_its_damage(model: str) -> None:
    known = {damage.caught_by for damage in DAMAGES} | {("features", "missing_share")}
    suites = {frame: suite for frame, suite in suites_of(model).items() if frame != "training"}
    judged = {
        (frame, each["kwargs"]["column"])
        for frame, suite in suites.items()
        for each in suite["expectations"]
    }
    assert judged - known == set()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damage_is_caught(judged: Callable[[str], Judged], damage: Damage) -> None:
    all_found = judged(damage.model)
    found, hour = all_found.findings[damage.name], all_found.hours[damage.name]
    wanted = (*damage.caught_by, damage.subject, damage.severity)
    scope = DAY_SCOPE if damage.scope == "day" else hour
    caught = {(f.suite, f.fact, f.subject, f.severity) for f in found if f.scope == scope}
    assert wanted in caught, f"found in {hour}:\n{texts(found)}"


@pytest.mark.parametrize(
    "damage", [d for d in DAMAGES if d.scope == "hour"], ids=lambda damage: damage.name
)
def test_other_hours_of_the_day_are_acquitted(
    judged: Callable[[str], Judged], damage: Damage
) -> None:
    all_found = judged(damage.model)
    found, hour = all_found.findings[damage.name], all_found.hours[damage.name]
    others = [f for f in errors(found) if f.scope not in (hour, DAY_SCOPE)]
    assert not others, texts(others)


@pytest.mark.parametrize("model", MODELS)
def test_good_days_raise_no_error(judged: Callable[[str], Judged], model: str) -> None:
    all_found = judged(model)
    names = {damage.name for damage in DAMAGES}
    good = {key: found for key, found in all_found.findings.items() if key not in names}
    warnings = Counter(f"{f.suite}.{f.fact}" for found in good.values() for f in found)
    print(f"{len(good)} good days of {model}; findings: {dict(warnings) or 'none'}")
    assert len(good) >= 14
    wrong = [f"{key}: {f.text}" for key, found in good.items() for f in errors(found)]
    assert not wrong, "\n".join(wrong)

"""The example in the docs is what is sent."""

from __future__ import annotations

import re
from datetime import timedelta

from made_thread import HOUR, World, blocks_text

from evergreen.config.settings import PROJECT
from evergreen.domain.alert import Alert, Topic
from evergreen.orchestration.evidence_facts import facts_of

DECISION = {
    "hour": "2026-03-10T13",
    "champion": 2,
    "reasons": [
        "ctr: CTR 10.63%, expected 16.31% (-35%); evidence 14.2, alarm at 9.1",
        "drift: price_ratio (24h shift: PSI 0.31); it holds 22% of what the model rests on",
    ],
    "evidence": {
        "ctr": {
            "ctr": {"value": 0.1063, "lower": 0.102, "upper": 0.111},
            "expected": 0.1631,
            "since": "2026-03-08T04",
            "evidence": 14.2,
            "level": 9.1,
        }
    },
}


def test_the_thread_in_the_how_to_is_what_slack_gets(world: World) -> None:
    world.open_incident()
    for number in range(37):
        world.now = HOUR + timedelta(hours=number / 3)
        alert = Alert.MODEL_SUSPECT if number else Alert.MODEL_STALE
        world.say(alert, facts=facts_of(DECISION))
    status = "retraining since 2026-03-10 14:02 UTC"
    world.say(Alert.MODEL_STALE, topic=Topic.RETRAINING, status=status)
    world.now = HOUR
    world.visit()
    said = blocks_text(world.slack.threads()[0][0])
    shown = said.replace(":large_yellow_circle:", "🟡")
    shown = re.sub(r"<[^|>]*\|([^>]*)>", r"\1", shown)
    page = (PROJECT / "docs" / "how-to" / "slack.md").read_text()
    assert f"```text\n{shown}\n```" in page


def test_evidence_without_a_baseline_says_what_is_known() -> None:
    bare = {"reasons": ["too old"], "evidence": {}, "champion": None}
    assert facts_of(bare) == {"reasons": ["too old"]}
    thin = {"ctr": {"value": None, "lower": 0, "upper": 1}, "expected": None, "since": None}
    assert facts_of({**bare, "evidence": {"ctr": thin}}) == {"reasons": ["too old"]}
    calm = {**DECISION["evidence"]["ctr"], "evidence": 3.0}  # type: ignore[index]
    assert "below the alarm level" in facts_of({**DECISION, "evidence": {"ctr": calm}})["how sure"]

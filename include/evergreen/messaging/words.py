"""What each kind of message is called, and what whoever reads it can do."""

from __future__ import annotations

from dataclasses import dataclass

from evergreen.domain.alert import Alert, Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A title that goes behind the model's name, and what to do.

    Parameters:
        ended: the title once the incident that it began has ended; empty for the same one.
    """

    title: str
    todo: str
    ended: str = ""


OF_ALERT = {
    Alert.MODEL_STALE: Words(
        title="model is stale",
        todo="A retraining is asked for. Act only where a message in this thread says so.",
        ended="model was stale",
    ),
    Alert.MODEL_SUSPECT: Words(
        title="evidence, but nothing was started",
        todo="Look at the model when you have time. The reasons say what is waited for.",
    ),
    Alert.HOUR_LATE: Words(
        title="an hour of data is late",
        todo="Find out why the lake's writer has not closed the hour. The run goes on waiting.",
    ),
    Alert.HOURS_QUARANTINED: Words(
        title="the validation found faults",
        todo="Look at the Data Docs, mend the source, land the hours again. They are then judged "
        "again by themselves.",
    ),
    Alert.CHALLENGER_PROMOTED: Words(
        title="a new version serves",
        todo="Nothing. It is on probation now, and goes back by itself should it earn less.",
    ),
    Alert.CHALLENGER_HELD: Words(
        title="the champion stays",
        todo="Read the reasons. Where more page views are needed, the next request brings them.",
    ),
    Alert.APPROVAL_WAITING: Words(
        title="waits for your answer",
        todo="Read the report, then answer in Airflow under Required Actions: Promote or Hold.",
    ),
    Alert.PROBATION_FAILED: Words(
        title="a new version failed its probation",
        todo="The version before serves again. Find out what the gate could not see.",
    ),
    Alert.SMOKE_TEST_FAILED: Words(
        title="a published set cannot serve",
        todo="The set before serves again. Read the reason, mend it, then retrain.",
    ),
    Alert.ROLLED_BACK: Words(
        title="a person rolled back",
        todo="Nothing. The next promotion replaces this version as it would any champion.",
    ),
    Alert.ALIAS_MOVED: Words(
        title="the registry's alias was moved by hand",
        todo="It was put back. To change the champion use the rollback form, not the registry.",
    ),
    Alert.DEADLINE_MISSED: Words(
        title="a retraining takes too long",
        todo="Look at its run: is a pod pending, a pool full, or the window larger than usual?",
    ),
    Alert.TASK_FAILED: Words(
        title="a task failed for good",
        todo="Open the task's log, mend the cause, then clear the task. Nothing is done twice.",
    ),
    Alert.DELIVERY_FAILED: Words(
        title="Slack refuses messages",
        todo="Mend the token, the channel or the app's rights. What waits then comes by itself.",
    ),
}
_OF_TOPIC = {Topic.RETRAINING: "retraining started", Topic.VERDICT: "the challenger won"}
_TODO_OF_TOPIC = {
    Topic.RETRAINING: "Nothing. The verdict comes here.",
    Topic.VERDICT: "Nothing. It is published and tested next.",
}


def words_of(alert: Alert | None, topic: Topic | None) -> Words:
    """Return a message's words; of one from before there were kinds, and of one of a topic."""
    if alert is None:
        return Words(title="message", todo="")
    said = OF_ALERT[alert]
    if topic in _OF_TOPIC and alert is not Alert.APPROVAL_WAITING:
        return Words(title=_OF_TOPIC[topic], todo=_TODO_OF_TOPIC[topic])
    return said

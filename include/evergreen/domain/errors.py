"""Every error that Evergreen raises on purpose: one base, one class a fact.

The text says what is wrong, in which object, what was expected, what was found and what to do,
and is bounded in length so that it fits a task log, a Slack message and a database column.
"""

MAX_TEXT_LENGTH = 1_000


class EvergreenError(Exception):
    """The base of every error a person can act on."""

    def __init__(self, text: str) -> None:
        super().__init__(
            text if len(text) <= MAX_TEXT_LENGTH else text[: MAX_TEXT_LENGTH - 1] + "…"
        )


class ModelSpecInvalid(EvergreenError):
    """A `model.yaml` does not say what it must, or says what nobody understands."""


class ModelExists(EvergreenError):
    """A model is to be added under a name that is taken."""


class SettingsInvalid(EvergreenError):
    """An `EVERGREEN_*` setting has a value that cannot be used."""


class LakeUnreachable(EvergreenError):
    """The lake cannot be read or written."""


class HourNotClosed(EvergreenError):
    """An hour of the lake has no `_SUCCESS`: it is late, missing or still being written."""


class FileCorrupt(EvergreenError):
    """A file is not readable as what its name promises."""


class ColumnMissing(EvergreenError):
    """A table of the lake lacks a column."""


class ColumnTypeWrong(EvergreenError):
    """A column of the lake has another type than its contract."""


class WindowEmpty(EvergreenError):
    """A window holds no rows where some are needed."""


class WindowInvalid(EvergreenError):
    """A window is not half-open, not in UTC, not whole hours, or ends before it starts."""


class SalesLogInvalid(EvergreenError):
    """A sales log cannot be read, or lacks what the storefront needs."""


class StepFailed(EvergreenError):
    """A training step ended without its result manifest."""


class ManifestInvalid(EvergreenError):
    """A manifest or an artifact beside it is not what was written."""


class ProfileInvalid(EvergreenError):
    """A reference profile has another schema than this version reads."""


class RegistryUnreachable(EvergreenError):
    """MLflow's registry cannot be reached."""


class VersionUnknown(EvergreenError):
    """A model version is not in the registry, the ledger or the published sets."""


class ArtifactRefused(EvergreenError):
    """A registry artifact is not the file that was trained: another digest, or not UBJ."""


class LedgerUnreachable(EvergreenError):
    """The ledger's database cannot be reached or is not migrated."""


class RunUnknown(EvergreenError):
    """A run key is not in the ledger."""


class ChampionChanged(EvergreenError):
    """Another promotion came first: the champion is not the one that was evaluated against."""


class VersionBlocked(EvergreenError):
    """A version was rolled back by its probation: only a person may put it back."""


class PublishRefused(EvergreenError):
    """A published set is incomplete, or a newer release was published already."""


class SmokeFailed(EvergreenError):
    """A published set cannot serve; the one before was restored, where there was one."""


class DemoStopped(EvergreenError):
    """The demo's story did not come to its end: no champion, no request, or nothing published."""


class AirflowNotReady(EvergreenError):
    """A local Airflow did not start, or its API answers with an error."""


class FeatureInvalid(EvergreenError):
    """A feature has values that no model can learn from."""


class DagRunFailed(EvergreenError):
    """A DAG run failed, or did not end in time."""


class GpuMissing(EvergreenError):
    """A GPU is asked for, and this XGBoost, or this machine, has none."""


class NoVariantTrained(EvergreenError):
    """Every variant of a retraining was skipped: there is no challenger."""


class RunUnreachable(EvergreenError):
    """A run directory cannot be read or written."""


class TooMuchQuarantine(EvergreenError):
    """More of a training window is in quarantine than `validate.max_quarantined_share` allows."""


class WindowRefused(EvergreenError):
    """Hours of a training window failed their validation."""


class DatasetRefused(EvergreenError):
    """The training frame failed its validation."""


class NotQuarantined(EvergreenError):
    """An hour is not in quarantine."""


class DataDocsUnreachable(EvergreenError):
    """The pages of validations cannot be read or written."""


class QuarantineLost(EvergreenError):
    """An hour that failed its validation is not in quarantine, and nobody released it."""


class SuiteInvalid(EvergreenError):
    """A suite of expectations cannot be read, or says what Great Expectations does not know."""


class SuiteExists(EvergreenError):
    """A suite would be overwritten that people may have edited."""


class PagesIncomplete(EvergreenError):
    """Great Expectations did not write a page of its Data Docs."""


class PropensitiesMissing(EvergreenError):
    """A log does not say how likely each item was to be shown."""


class PolicyInvalid(EvergreenError):
    """A policy's file does not say with which probability each item is shown."""


class SlackUnreachable(EvergreenError):
    """Slack does not answer, has a fault of its own, or wants fewer requests.

    Args:
        surely: whether the request surely did nothing; else it may have been carried out.
        retry_after_s: how long Slack wants to be left alone.
    """

    def __init__(self, text: str, *, surely: bool, retry_after_s: int | None = None) -> None:
        super().__init__(text)
        self.surely = surely
        self.retry_after_s = retry_after_s


class SlackRefused(EvergreenError):
    """Slack refuses a request; `code` is its own word for why."""

    def __init__(self, text: str, *, code: str) -> None:
        super().__init__(text)
        self.code = code


class IncidentUnknown(EvergreenError):
    """An incident is not in the ledger."""


class BacktestInvalid(EvergreenError):
    """A backtest is asked for what it cannot do, or what nobody understands."""


class BacktestUnreadable(EvergreenError):
    """What a backtest has left cannot be read, or is not what a backtest writes."""


class ProcessLost(EvergreenError):
    """A process of a backtest was ended from outside."""

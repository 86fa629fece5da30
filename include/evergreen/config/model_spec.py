"""`model.yaml`, parsed once into a frozen object.

Unknown keys fail and name the nearest known one. Every threshold has a default; its comment says
where it comes from.
"""

from __future__ import annotations

import difflib
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from evergreen.config.alerts_spec import AlertsSpec, Severity
from evergreen.config.compute_spec import ComputeSpec
from evergreen.config.durations import Duration, parse_duration
from evergreen.config.gate_spec import GateSpec
from evergreen.config.monitor_spec import MonitorSpec
from evergreen.config.section import Section
from evergreen.config.train_spec import TrainSpec
from evergreen.domain.errors import ModelSpecInvalid
from evergreen.domain.windows import HOUR

DAY = timedelta(days=1)
_loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class LakeSpec(Section):
    """Where the events are and when they can be trusted."""

    url: str | None = None
    """Any fsspec URL; `impressions/` and `orders/` lie below it. Default: the settings' lake."""
    engine: str = "polars"
    """What counts the lake's hours: `polars`, in this process, or an Ibis URL: `duckdb://`,
    `pyspark://local[2]`."""
    attribution_window: Duration = parse_duration("0h")
    """How long after an impression a click still counts; an hour is mature when it has passed."""
    late_after: Duration = parse_duration("20m")
    """An hour that is not closed this long after its end is reported as late."""
    timeout: Duration = parse_duration("6h")
    """An hour that is not closed this long after its end fails its run."""

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, engine: str) -> str:
        if engine != "polars" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://.*", engine):
            raise ValueError(
                "expected polars, or an Ibis URL such as duckdb:// or pyspark://local[2]"
            )
        return engine

    def mature_end(self, hour: datetime) -> datetime:
        """Return where the hours end whose labels are complete once this hour is closed."""
        return hour + HOUR - -(-self.attribution_window // HOUR) * HOUR


class FeaturesSpec(Section):
    """The model's inputs, in the order of its columns."""

    numeric: tuple[str, ...] = ()
    """Columns that features.py makes."""
    categorical: tuple[str, ...] = ()
    """Watched for drift; the trainer reads numbers only so far."""

    @property
    def names(self) -> tuple[str, ...]:
        """Numeric, then categorical."""
        return self.numeric + self.categorical


class ValidateSpec(Section):
    """What a closed day must look like."""

    min_hours: int = Field(24, ge=1, le=24)
    """Closed hours that a day must have."""
    max_row_drop: float = Field(0.8, gt=0, le=1)
    """Report a day whose rows fall by more than this share below the same weekday a week before."""
    max_quarantined_share: float = Field(0.05, ge=0, le=1)
    """Train on no window with a larger share of its closed hours in quarantine. 5 % is a choice,
    not a finding: three days of eight weeks. What is left out is seldom left out at random."""


class DeploySpec(Section):
    """What happens to a winner."""

    approval: Literal["never", "inconclusive", "always"] = "never"
    """Whether a person is asked first: `inconclusive` about INCONCLUSIVE, `always` about PROMOTE
    too. HOLD is never asked about."""
    approvers: tuple[str, ...] = ()
    """Who may answer: user ids of Airflow's auth manager (the simple one's are its user names).
    Empty: everybody who may edit the DAG's runs."""
    approval_timeout: Duration = parse_duration("24h")
    """How long an answer is waited for; then `approval_default` is taken."""
    approval_default: Literal["hold", "promote"] = "hold"
    """What is done when nobody answers in time."""
    probation: Duration = parse_duration("72h")
    """How long a new champion is on trial, from its first impression on."""
    probation_false_rollbacks: float = Field(0.01, gt=1e-6, lt=1)
    """Probability that a champion as good as its predecessor is rolled back within its probation.
    Higher finds a bad one sooner."""
    probation_max_score_psi: float | None = Field(2.0, gt=0)
    """A champion on trial fails at once when the scores it serves have drifted by more than this
    from those that the gate judged. null: only clicks count. A choice between what was seen on one
    shop: healthy champions stayed below 0.11, inverted lists had 8.3."""

    @field_validator("approval_timeout")
    @classmethod
    def _long_enough(cls, timeout: timedelta) -> timedelta:
        if timeout <= timedelta(0):
            raise ValueError("expected more than 0s, or nobody could answer")
        return timeout


class ModelSpec(Section):
    """One model: everything Evergreen knows about it."""

    model: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    """The folder's name: small letters, digits and `_`."""
    description: str
    """What it recommends, in one sentence."""
    owner: str
    """Who is asked; the owner of the DAGs."""
    slack_channel: str = ""
    """Where this model's messages go: `#shop`, or the channel's id. Without one they are printed
    and kept in the ledger. `alerts` says more."""
    runbook: str = ""
    """What to do about a message; the DAGs' pages name it."""
    lake: LakeSpec = LakeSpec()
    columns: dict[str, str] = Field(default_factory=dict)
    """Canonical column name to the lake's own name."""
    features: FeaturesSpec = FeaturesSpec()
    monitor: MonitorSpec = MonitorSpec()
    validation: ValidateSpec = Field(ValidateSpec(), alias="validate")
    train: TrainSpec = TrainSpec()
    gate: GateSpec = GateSpec()
    deploy: DeploySpec = DeploySpec()
    compute: ComputeSpec = ComputeSpec()
    alerts: AlertsSpec = AlertsSpec()

    def channel_for(self, severity: Severity) -> str:
        """Return the Slack channel of a severity's messages; empty for none."""
        return self.alerts.by_severity.get(severity) or self.alerts.channel or self.slack_channel

    @model_validator(mode="after")
    def _window_holds_its_parts(self) -> ModelSpec:
        trigger = self.monitor.trigger
        if trigger.alarms > trigger.of_hours:
            raise ValueError("monitor.trigger.alarms must not exceed monitor.trigger.of_hours")
        if self.train.enabled and self.features.categorical:
            raise ValueError(
                "features.categorical cannot be trained on yet: only models with "
                "train.enabled: false may have them"
            )
        if self.train.validation + self.gate.holdout >= self.train.window:
            raise ValueError("train.window must be longer than train.validation + gate.holdout")
        train, holdout = self.train, self.gate.holdout
        parts = (train.window, train.lookback, train.validation, train.snapshot_every, holdout)
        if any(part % DAY for part in parts):
            raise ValueError("train's and gate's windows must be whole days")
        return self


def parse_spec(raw: dict[str, Any], *, source: str) -> ModelSpec:
    """Return the spec of a mapping of sections.

    Parameters:
        source: how the text names it: a path.

    Raises:
        ModelSpecInvalid: an unknown key, or a value out of bounds.
    """
    try:
        return ModelSpec.model_validate(raw)
    except ValidationError as error:
        raise ModelSpecInvalid(f"{source}: {_explain(error)}") from None


def read_raw(folder: Path) -> dict[str, Any]:
    """Return a model folder's `model.yaml` as it is written.

    Raises:
        ModelSpecInvalid: no `model.yaml`, or not a YAML mapping.
    """
    path = folder / "model.yaml"
    try:
        raw = yaml.load(path.read_bytes(), Loader=_loader)  # noqa: S506  (a safe loader)
    except OSError as error:
        raise ModelSpecInvalid(f"{path}: {error.strerror}; every model folder needs one") from None
    except yaml.YAMLError as error:
        raise ModelSpecInvalid(f"{path} is not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ModelSpecInvalid(
            f"{path}: expected a mapping of sections, found {type(raw).__name__}"
        )
    return raw


def load_spec(folder: Path) -> ModelSpec:
    """Return the spec of the model whose folder this is.

    Raises:
        ModelSpecInvalid: no `model.yaml`, not YAML, an unknown key, or a value out of bounds. The
            text names file, key, expected and found.
    """
    path, raw = folder / "model.yaml", read_raw(folder)
    spec = parse_spec(raw, source=str(path))
    if spec.model != folder.name:
        raise ModelSpecInvalid(
            f"{path}: model is {spec.model!r}, but its folder is {folder.name!r}"
        )
    return spec


def model_folders(models_dir: Path) -> list[Path]:
    """Return the folders that hold a `model.yaml`, by name.

    Raises:
        ModelSpecInvalid: the folder cannot be read.
    """
    try:
        return sorted(p for p in models_dir.iterdir() if (p / "model.yaml").is_file())
    except OSError as error:
        raise ModelSpecInvalid(
            f"{models_dir}: {error.strerror}; set EVERGREEN_MODELS_DIR"
        ) from None


def load_specs(models_dir: Path) -> list[ModelSpec]:
    """Return the spec of every model folder, by name.

    Raises:
        ModelSpecInvalid: the folder cannot be read, or one of the specs is invalid.
    """
    return [load_spec(folder) for folder in model_folders(models_dir)]


def _explain(error: ValidationError) -> str:
    """Say the first problem in words, and how many more there are."""
    problems = error.errors()
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")  # a misspelt key first
    first = problems[0]
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        known = _keys_beside(first["loc"])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0)
        text = f"unknown key {key}; did you mean {near[0]}?" if near else f"unknown key {key}"
    elif first["type"] == "missing":
        text = f"{key} is missing"
    else:
        text = f"{key}: {first['msg']}, found {str(first['input'])[:80]!r}"
    return text if len(problems) == 1 else f"{text} ({len(problems) - 1} more)"


def _keys_beside(loc: tuple[Any, ...]) -> list[str]:
    """Return the known keys of the section that an unknown key stands in."""
    section: type[BaseModel] = ModelSpec
    for part in loc[:-1]:
        fields = {field.alias or name: field for name, field in section.model_fields.items()}
        annotation = fields[str(part)].annotation if str(part) in fields else None
        options = [annotation, *get_args(annotation)]
        section = next(
            (o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), section
        )
    return [field.alias or name for name, field in section.model_fields.items()]

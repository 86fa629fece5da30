"""The `compute` section of `model.yaml`: what a step may use, in a pod or a local process."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from evergreen.config.durations import Duration, parse_duration
from evergreen.config.section import Section

QUANTITY = re.compile(r"[1-9]\d*(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?")


class TolerationSpec(Section):
    """A taint that the pods may run on, as Kubernetes writes it."""

    key: str = ""
    operator: str = Field("Equal", pattern="^(Equal|Exists)$")
    value: str = ""
    effect: str = Field("", pattern="^(|NoSchedule|PreferNoSchedule|NoExecute)$")


class ComputeSpec(Section):
    """What a step may use. Only `timeout` matters to `EVERGREEN_COMPUTE=local`."""

    cpu: float = Field(1, gt=0)
    """Cores, asked for and not exceeded; XGBoost and Polars start as many threads."""
    memory: str = "2Gi"
    """Asked for, and the limit: a step that takes more is killed, and the error says so."""
    scratch: str = "10Gi"
    """Disk for temporary files, asked for and the limit: a pod that takes more is evicted."""
    gpu: int = Field(0, ge=0)
    """GPUs for `train`; other steps get none."""
    gpu_resource: str = "nvidia.com/gpu"
    """What the cluster calls a GPU."""
    image: str = ""
    """The trainer image, by digest where given (`name@sha256:…`). Part of the run key: another
    image is another retraining. Default: the installation's, `EVERGREEN_POD_IMAGE`."""
    queue: str = "default"
    """Airflow's queue for the task that starts and follows the pod."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels that a node must have."""
    tolerations: tuple[TolerationSpec, ...] = ()
    """Taints that the pods may run on, such as those of GPU nodes."""
    timeout: Duration = parse_duration("1h")
    """A step that takes longer is ended."""
    keep_failed_pods: bool = False
    """Leave a pod that failed for people to look at; the next attempt removes it."""

    @field_validator("memory", "scratch")
    @classmethod
    def _quantity(cls, text: str) -> str:
        if not QUANTITY.fullmatch(text):
            raise ValueError("expected a Kubernetes quantity such as 2Gi or 512Mi")
        return text

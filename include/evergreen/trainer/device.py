"""The GPU that `compute.gpu` asks for: parameters for XGBoost, or an error that says what to do.

XGBoost itself would go on without a word on the CPU, where a training may take a day.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import xgboost as xgb

from evergreen.domain.errors import GpuMissing

CUDA = "cuda"


def device_params(gpu: int) -> dict[str, str]:
    """Return XGBoost's parameters for this many GPUs: `{"device": "cuda"}`, or none for 0.

    One process trains on one GPU, the first that it sees.

    Raises:
        GpuMissing: this XGBoost was built without CUDA, or it sees no GPU.
    """
    if not gpu:
        return {}
    if not xgb.build_info().get("USE_CUDA"):
        raise GpuMissing(
            f"compute.gpu is {gpu}, but this XGBoost {xgb.__version__} was built without CUDA; set "
            f"compute.gpu: 0, or use the trainer image's GPU variant (built with XGBOOST=xgboost)"
        )
    found = device_found()
    if not found.startswith(CUDA):
        raise GpuMissing(
            f"compute.gpu is {gpu}, but XGBoost sees no GPU here (it would train on {found}); set "
            f"compute.gpu: 0, or run on a node with a GPU and its driver (compute.node_selector, "
            f"compute.tolerations, compute.gpu_resource)"
        )
    return {"device": CUDA}


def device_found() -> str:
    """Return what XGBoost trains on when it is asked for CUDA: `cuda:0`, or `cpu` without one."""
    rows = xgb.DMatrix(np.zeros((2, 1), dtype=np.float32), [0, 1])
    try:
        with xgb.config_context(verbosity=0):
            booster = xgb.train({"device": CUDA, "max_depth": 1}, rows, num_boost_round=1)
    except xgb.core.XGBoostError as error:
        return f"nothing: {str(error).strip().splitlines()[-1][:200]}"
    return str(json.loads(booster.save_config())["learner"]["generic_param"]["device"])


def to_device() -> Callable[[np.ndarray], Any]:
    """Return what copies an array to the GPU, where XGBoost's external memory wants its batches.

    Raises:
        GpuMissing: CuPy is not installed.
    """
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        raise GpuMissing(
            "training beyond train.external_memory_above rows on a GPU needs CuPy, which is not "
            "installed; install cupy-cuda12x in the trainer image, raise "
            "train.external_memory_above, or set compute.gpu: 0"
        ) from None
    copy: Callable[[np.ndarray], Any] = cupy.asarray
    return copy

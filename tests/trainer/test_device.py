"""A GPU that is asked for and not there ends the step with words; XGBoost would use the CPU."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import xgboost as xgb

from evergreen.domain.errors import GpuMissing
from evergreen.trainer import device
from evergreen.trainer.device import device_found, device_params, to_device

CUDA_BUILD = bool(xgb.build_info().get("USE_CUDA"))


def test_without_a_gpu_nothing_is_set() -> None:
    assert device_params(0) == {}


@pytest.mark.skipif(CUDA_BUILD, reason="this XGBoost has CUDA")
def test_a_build_without_cuda() -> None:
    words = r"compute.gpu is 1, but this XGBoost \S+ was built without CUDA; set compute.gpu: 0, or"
    with pytest.raises(GpuMissing, match=words):
        device_params(1)


@pytest.mark.skipif(CUDA_BUILD, reason="there may be a GPU")
def test_cuda_falls_back_to_the_cpu_without_an_error() -> None:
    """Why the device is looked at: XGBoost only warns."""
    assert device_found() == "cpu"


@pytest.mark.parametrize("found", ["cpu", "nothing: CUDA driver version is insufficient"])
def test_a_build_with_cuda_on_a_machine_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    monkeypatch.setattr(xgb, "build_info", lambda: {"USE_CUDA": True})
    monkeypatch.setattr(device, "device_found", lambda: found)
    with pytest.raises(GpuMissing, match=f"sees no GPU here .it would train on {found}.; set comp"):
        device_params(2)


def test_a_gpu_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xgb, "build_info", lambda: {"USE_CUDA": True})
    monkeypatch.setattr(device, "device_found", lambda: "cuda:0")
    assert device_params(1) == {"device": "cuda"}


def test_pages_of_a_gpu_need_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(GpuMissing, match=r"needs CuPy, .* raise train.external_memory_above, or"):
        to_device()
    monkeypatch.setitem(sys.modules, "cupy", np)
    assert to_device()(np.ones(2)).tolist() == [1.0, 1.0]

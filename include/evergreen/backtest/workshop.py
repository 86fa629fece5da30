"""What every process of a backtest works with: history, spec, the model's code, and kept work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evergreen.backtest.cache import Cache, key_of
from evergreen.backtest.history import History
from evergreen.backtest.shared_code import SharedCode
from evergreen.config.model_spec import ModelSpec
from evergreen.trainer.model_code import ModelCode

TRAINED_ON = ("columns", "features", "gate", "model", "train")
"""Sections of the spec that a trained model and its verdict rest on."""
ONE_THREAD = {"nthread": 1}
"""Processes work side by side; and a sum's order, so its last digit, never depends on the cores."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """The tools of one process.

    Parameters:
        version: of the code, ours and the model's.
    """

    history: History
    spec: ModelSpec
    code: ModelCode
    cache: Cache
    version: str

    def key(self, until: datetime, **more: Any) -> str:
        """Return the name of what was trained on the window that ends here."""
        spec = self.spec.model_dump(mode="json", by_alias=True)
        start = until - self.spec.train.window - self.spec.train.lookback
        return key_of(
            until=until.isoformat(),
            orders=self.history.digest(start, until),
            spec={name: spec[name] for name in TRAINED_ON},
            version=self.version,
            **more,
        )

    @classmethod
    def of(
        cls, history: History, spec: ModelSpec, code: ModelCode, cache: Cache, version: str
    ) -> Workshop:
        """Return the tools, with the model's code over kept candidates."""
        return cls(history, spec, SharedCode(code, history, spec, cache, version), cache, version)

"""What Slack shows of a decision: how the CTR is, how it should be, since when, how sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evergreen.domain.windows import parse_hour


def facts_of(decision: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of the decision's evidence, those that are known, and its reasons."""
    ctr = decision["evidence"].get("ctr") or {}
    champion = decision.get("champion")
    said = {
        "CTR": _estimate(ctr.get("ctr") or {}),
        "expected": _expected(ctr),
        "most likely since": _since(ctr),
        "how sure": _how_sure(ctr),
        "champion": f"version {champion}" if champion else None,
        "judged at": decision.get("hour"),
    }
    known = {name: value for name, value in said.items() if value}
    return {**known, "reasons": list(decision["reasons"])}


def _estimate(ctr: Mapping[str, Any]) -> str | None:
    if ctr.get("value") is None:
        return None
    return f"{ctr['value']:.2%} (between {ctr['lower']:.2%} and {ctr['upper']:.2%})"


def _expected(ctr: Mapping[str, Any]) -> str | None:
    expected, value = ctr.get("expected"), (ctr.get("ctr") or {}).get("value")
    if not expected or value is None:
        return None
    return f"{expected:.2%}, so it is {value / expected - 1:+.0%}"


def _since(ctr: Mapping[str, Any]) -> str | None:
    return f"{parse_hour(ctr['since']):%Y-%m-%d %H:%M} UTC" if ctr.get("since") else None


def _how_sure(ctr: Mapping[str, Any]) -> str | None:
    if ctr.get("evidence") is None or ctr.get("level") is None:
        return None
    beyond = "beyond" if ctr["evidence"] > ctr["level"] else "below"
    return f"evidence {ctr['evidence']:.1f}, {beyond} the alarm level {ctr['level']:.1f}"

"""A gate's verdict with every part of the contract, and names that would do harm unescaped."""

from __future__ import annotations

from typing import Any

EVIL = "country=<script>alert(1)</script>$\\frac{\"'&\x00\u202e"


def rule(name: str, value: float, *, subject: str = "", verdict: str = "pass") -> dict[str, Any]:
    return {
        "name": name,
        "subject": subject,
        "value": value,
        "lower": value - 0.02,
        "upper": value + 0.02,
        "bound": 0.0,
        "rows": 1234,
        "clusters": 600,
        "verdict": verdict,
        "text": f"{name} {subject}",
    }


def made_verdict(**changes: Any) -> dict[str, Any]:
    """Return the verdict of version 2 against version 1 in run `k`."""
    evidence = {
        "profile": {"schema": 1},
        "metrics": {
            "challenger": {"ndcg": 0.123456, "ctr": 0.02, "impressions": 6170},
            "champion": {"ndcg": float("nan"), "ctr": 0.019},
        },
        "rules": [
            rule("size", 1234),
            rule("gain", 0.03),
            rule("slice", 0.01, subject="country=France"),
            rule("slice", -0.05, subject=EVIL, verdict="fail"),
            rule("slice", 0.0, subject="popularity_28d q4", verdict="not_enough_data"),
        ],
        "power": {"wanted_gain": 0.03, "page_views": 1234, "needed_page_views": 5000},
        "budget": {"attempt": 2, "alpha": 0.01, "spent": 0.015, "total": 0.05},
        "calibration": {
            who: [{"predicted": n / 20, "observed": n / 22, "rows": 10 * n} for n in range(10)]
            for who in ("challenger", "champion")
        },
        "differences": {"edges": [-1.0, -0.5, 0.0, 0.5, 1.0], "counts": [3, 30, 40, 4]},
    }
    return {
        "verdict": "HOLD",
        "version": 2,
        "expected": 1,
        "as_of": "2011-04-18T00:00:00+00:00",
        "run_key": "k",
        "reasons": [f"worse on {EVIL}"],
        "evidence": evidence,
        **changes,
    }

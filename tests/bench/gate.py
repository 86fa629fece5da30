"""`make bench-gate`: how often the gate errs, on page views like those of a real log.

Equal models judged once, and 100 times on holdouts that roll by a day or by an hour; a challenger
that is 3 % better on 50,000 page views; one that is 10 % better but 10 % worse in a slice. All by
the domain's own functions, on the page views of `tests/domain/made_page_views.py`. Numbers go to
`bench/report.json` under `gate`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import beta

from evergreen.config.settings import PROJECT
from evergreen.domain.gate import GateVerdict

sys.path.insert(0, str(PROJECT / "tests" / "domain"))

from made_attempts import asked_often, false_histories, false_promotions
from made_page_views import make_views, measured

ATTEMPTS = 100
SEED = 20_111_209
SMALL, HISTORY, LARGE = 7_000, 4_000, 50_000
"""Page views: of the real log's week, of the histories (quicker), and of the promise of 3 %."""
STEPS = {"daily": 1 / 7, "hourly": 1 / 168}


def interval(count: int, times: int) -> list[float]:
    """Return the exact 95 % interval of a share (Clopper and Pearson 1934)."""
    lower = float(beta.ppf(0.025, count, times - count + 1)) if count else 0.0
    upper = float(beta.ppf(0.975, count + 1, times - count)) if count < times else 1.0
    return [round(lower, 4), round(upper, 4)]


def share(count: int, times: int) -> dict[str, Any]:
    """Return a share and what it rests on."""
    found = {"share": round(count / times, 4), "of": times, "interval": interval(count, times)}
    print(f"  {count:,} of {times:,} = {found['share']:.2%}, {found['interval']}", flush=True)
    return found


def run(*, attempts_once: int, histories: int, asked: int) -> dict[str, Any]:
    """Simulate and return the report's `gate`."""
    rng = np.random.default_rng(SEED)
    views = make_views(200_000, rng)
    like = measured(views, views.challenger(views.changes(rng)))
    print(f"page views: {like}", flush=True)
    print(f"equal models, {SMALL:,} page views, promoted", flush=True)
    once = share(false_promotions(attempts_once, SMALL, rng), attempts_once)
    rolling = {}
    for name, step in STEPS.items():
        print(f"equal models, {ATTEMPTS} attempts {name}, histories with a promotion", flush=True)
        failed = false_histories(histories, HISTORY, rng, attempts=ATTEMPTS, step=step)
        rolling[name] = share(failed, histories)
    print(f"3 % better, {LARGE:,} page views, promoted", flush=True)
    better = asked_often(asked, LARGE, rng, gain=0.03, gain_in_slice=0.03)
    power = share(sum(a.verdict is GateVerdict.PROMOTE for a in better), asked)
    print(f"10 % better, 10 % worse in a slice of 30 % of {LARGE:,} page views, held", flush=True)
    worse = asked_often(asked, LARGE, rng, gain=0.10, gain_in_slice=-0.10)
    enough = [a for a in worse if a.slice.verdict != "not_enough_data"]
    held = share(sum(a.verdict is GateVerdict.HOLD for a in enough), len(enough))
    return {
        "false_promotion_share": once["share"],
        "false_history_share": max(each["share"] for each in rolling.values()),
        "power_3pct_50k": power["share"],
        "slice_hold_share": held["share"],
        "details": {
            "page_views_are_like": like,
            "false_promotion": {"page_views": SMALL, **once},
            "false_history": {"page_views": HISTORY, "attempts": ATTEMPTS, **rolling},
            "power_3pct_50k": power,
            "slice_hold": {**held, "without_enough_data": len(worse) - len(enough)},
        },
    }


def main() -> None:
    """Run, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--report", type=Path, default=PROJECT / "bench" / "report.json")
    options = parser.parse_args()
    began, part = time.monotonic(), 10 if options.quick else 1
    body = run(attempts_once=20_000 // part, histories=1_500 // part, asked=1_000 // part)
    body["seconds"] = round(time.monotonic() - began, 1)
    before = json.loads(options.report.read_text()) if options.report.exists() else {}
    options.report.parent.mkdir(exist_ok=True)
    options.report.write_text(json.dumps({**before, "gate": body}, indent=1) + "\n")
    print(json.dumps({name: body[name] for name in body if name != "details"}, indent=1))


if __name__ == "__main__":
    main()

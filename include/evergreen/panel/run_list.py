"""The page that lists a model's Data Docs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape

from evergreen.adapters.data_docs import INDEX
from evergreen.adapters.installation import open_ledger
from evergreen.domain.errors import EvergreenError
from evergreen.domain.windows import Window

log = logging.getLogger(__name__)

SHOWN = 400  # runs: a year of nights and some training windows
DAY = timedelta(days=1)
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 46rem; padding: 0 1rem;
       color: #1c2733; background: #fff; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #dde3ea; }
.failed { color: #b3261e; font-weight: 600; } .passed { color: #1e6b3a; }
"""


def run_list(model: str, runs: Sequence[str]) -> str:
    """Return the page: newest night first, with its verdict where the ledger has one."""
    shown = list(runs)[:SHOWN]
    verdicts = verdicts_of(model, shown)
    rows = "\n".join(_row(run, verdicts.get(run, "")) for run in shown)
    none = "" if shown else "<p>No validation has left its pages yet.</p>"
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>Data Docs of {escape(model)}</title>'
        f"<style>{STYLE}</style></head><body>\n<h1>Data Docs of {escape(model)}</h1>{none}\n"
        f"<table><thead><tr><th>Run</th><th>Verdict</th></tr></thead><tbody>\n{rows}\n"
        "</tbody></table></body></html>\n"
    )


def verdicts_of(model: str, runs: Sequence[str]) -> Mapping[str, str]:
    """Return the verdict of each night that the ledger knows; of none while it is out of reach."""
    days = [datetime.fromisoformat(run).replace(tzinfo=UTC) for run in runs if run[0].isdigit()]
    if not days:
        return {}
    try:
        ledger = open_ledger()
        try:
            found = ledger.measurements(model, Window(min(days), max(days) + DAY), "validation")
        finally:
            ledger.close()
    except EvergreenError as error:
        log.warning("the list of runs has no verdicts: %s", error)
        return {}
    return {f"{measured.hour:%Y-%m-%d}": measured.verdict for measured in found}


def _row(run: str, verdict: str) -> str:
    name, said = escape(run), escape(verdict)
    return f'<tr><td><a href="{name}/{INDEX}">{name}</a></td><td class="{said}">{said}</td></tr>'

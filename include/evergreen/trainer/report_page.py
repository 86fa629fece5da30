"""The evaluation report as one page: self-contained, without script, read in light and in dark.

Every text is escaped: names of slices and items come from data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from evergreen.trainer.report_plots import (
    draw_calibration,
    draw_differences,
    draw_gain_by_slice,
)
from evergreen.trainer.rule_rows import number_text, plain, rule_rows

STYLE = """
:root { color-scheme: light dark; --line: #8884; --pass: #2e9e4f; --fail: #d64545;
  --unsure: #8a8f98; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top; }
td:first-child, td:last-child, li, dd { overflow-wrap: anywhere; }
td:first-child { min-width: 9rem; } td:last-child { min-width: 12rem; }
.wide { overflow-x: auto; }
td:nth-child(2), td:nth-child(3), td:nth-child(4) { white-space: nowrap; }
.verdict { border-radius: 4px; padding: .1rem .5rem; color: #fff; background: var(--unsure); }
.promote { background: var(--pass); } .hold { background: var(--fail); }
.pass { color: var(--pass); } .fail { color: var(--fail); } .not { color: var(--unsure); }
svg { max-width: 100%; height: auto; color: inherit; } figure { margin: 1rem 0; }
dt { float: left; clear: left; width: 8rem; opacity: .7; } dd { margin-left: 8rem; }
"""
MISSING = "<p>The gate left nothing to draw this from.</p>"


def report_page(body: Mapping[str, Any]) -> str:
    """Return the page of a report's body; whatever is missing in the evidence is said to be."""
    evidence: Mapping[str, Any] = body.get("evidence") or {}
    verdict, model = str(body["verdict"]), str(body.get("model", ""))
    title = f"{model}: {verdict}, version {body['version']}"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(title)}</title><style>{STYLE}</style></head><body>",
            f'<h1>{_text(model)} <span class="verdict {_class(verdict)}">{_text(verdict)}</span>'
            "</h1>",
            _facts(body),
            "<h2>Why</h2>",
            "<ul>" + "".join(f"<li>{_text(r)}</li>" for r in body.get("reasons") or ()) + "</ul>",
            "<h2>Rules</h2>",
            _rules(evidence),
            _power(evidence),
            "<h2>Metrics on the holdout</h2>",
            _metrics(evidence.get("metrics")),
            "<h2>Gain by slice</h2>",
            _figure(
                draw_gain_by_slice(_rule_maps(evidence)),
                "Green passes, red fails, grey has not enough data.",
            ),
            "<h2>Calibration</h2>",
            _figure(
                draw_calibration(_mapping(evidence.get("calibration"))),
                "On the dotted line a model promises what it earns.",
            ),
            "<h2>Differences</h2>",
            _figure(
                draw_differences(_mapping(evidence.get("differences"))),
                "Right of the dotted line the challenger was better.",
            ),
            "<p>The same as JSON: this address with .json behind it; both are artifacts of the "
            "version's MLflow run.</p>",
            "</body></html>\n",
        ]
    )


def _facts(body: Mapping[str, Any]) -> str:
    expected, window = body.get("expected"), _mapping(body.get("window"))
    facts = {
        "challenger": f"version {body['version']}",
        "champion": f"version {expected}" if expected else "none",
        "trained on": f"{window['start']} to {window['end']}" if window else "",
        "as of": body.get("as_of"),
        "run key": body.get("run_key"),
    }
    said = [f"<dt>{name}</dt><dd>{_text(fact)}</dd>" for name, fact in facts.items() if fact]
    return f"<dl>{''.join(said)}</dl>"


def _rules(evidence: Mapping[str, Any]) -> str:
    rows = [
        [
            _text(f"{row.name} {row.subject}".strip()),
            *map(_text, (row.value, row.interval, row.bound, row.sample)),
            f'<span class="{_class(row.verdict)}">{_text(row.verdict)}</span>',
            _text(row.text),
        ]
        for row in rule_rows(evidence)
    ]
    heads = ("rule", "value", "interval", "bound", "sample", "verdict", "in words")
    return _table(heads, rows) if rows else "<p>The gate weighed no rules.</p>"


def _power(evidence: Mapping[str, Any]) -> str:
    power, budget = _mapping(evidence.get("power")), _mapping(evidence.get("budget"))
    said = []
    if power:
        said.append(
            f"The holdout has {number_text(power.get('page_views'))} page views; to show a gain of "
            f"{number_text(power.get('wanted_gain'))} it would need "
            f"{number_text(power.get('needed_page_views'))}."
        )
    if budget:
        said.append(
            f"Attempt {number_text(budget.get('attempt'))} on this champion: tested at a level of "
            f"{number_text(budget.get('alpha'))}; {number_text(budget.get('spent'))} of "
            f"{number_text(budget.get('total'))} of the error budget is spent."
        )
    return "".join(f"<p>{_text(sentence)}</p>" for sentence in said)


def _metrics(metrics: Any) -> str:
    found = {who: values for who, values in _mapping(metrics).items() if _mapping(values)}
    if not found:
        return "<p>The gate left no metrics.</p>"
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    rows = [
        [_text(who), *(_text(number_text(values.get(name))) for name in names)]
        for who, values in found.items()
    ]
    return _table(["", *map(str, names)], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    top = "".join(f'<th scope="col">{_text(head)}</th>' for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" tabindex="0">{table}</div>'


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>" if svg else MISSING


def _rule_maps(evidence: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [rule for rule in evidence.get("rules") or () if isinstance(rule, Mapping)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _class(verdict: str) -> str:
    """Return the style of a verdict, of the few that there are."""
    word = verdict.lower().partition(" ")[0]
    return word if word in ("promote", "hold", "pass", "fail", "not") else "unsure"


def _text(value: Any) -> str:
    return escape(plain(str(value)))

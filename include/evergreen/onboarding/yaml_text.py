"""`model.yaml` of a proposal, with comments that say where each value comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

from evergreen.onboarding.proposal import Proposal

PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_]*(?:[ ./-]+[A-Za-z0-9_]+)*\.?")
RUNBOOK = "docs/runbooks/README.md"
WIDTH = 96


def model_yaml(proposal: Proposal) -> str:
    """Return the file's text.

    Names and texts that come from people or data are quoted, so that none of them can become
    another key, or a comment another line.
    """
    answers = proposal.answers
    parts = [
        f"# Written by `evergreen models add {answers.model}` from what the lake holds; now yours "
        "to edit.\n"
        "# All keys: docs/reference/model.yaml.md. What is left out has a default.\n"
        f"model: {answers.model}\n"
        f"description: {scalar(answers.description)}\n"
        f"owner: {scalar(answers.owner)}\n"
        + (f"slack_channel: {scalar(answers.slack_channel)}\n" if answers.slack_channel else "")
        + f"runbook: {RUNBOOK}   # what to do about each message",
        _lake(proposal),
        _columns(proposal),
        _features(proposal),
        _monitor(proposal),
        _train(proposal),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def scalar(text: str) -> str:
    """Return a text as one YAML scalar on one line.

    Example: `scalar("shop-team")` is `shop-team`, `scalar("#shop: a")` is `"#shop: a"`.
    """
    if PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf"))
    return quoted.strip()


def _lake(proposal: Proposal) -> str:
    answers, figures = proposal.answers, proposal.figures
    seen = proposal.tables["impressions"]
    ctr = "unknown" if figures.ctr is None else f"{figures.ctr:.2%}"
    url = (
        "# url: the installation's own lake (EVERGREEN_LAKE_URL)"
        if answers.lake_is_default
        else f"url: {scalar(answers.lake)}"
    )
    why = "as you said" if answers.attribution_window else _attribution_seen(proposal)
    return (
        "lake:\n"
        f"  # seen: {len(seen.rows):,} closed hours of the newest eight weeks, about "
        f"{figures.rows_an_hour:,.0f} rows an hour, CTR {ctr}\n"
        f"  {url}\n"
        f"  attribution_window: {scalar_or_number(proposal.attribution_window)}     # how long a "
        f"click still counts: {why}\n"
        "  late_after: 20m            # an hour not closed this long after its end is told of"
    )


def scalar_or_number(text: str) -> str:
    """Return a duration as it is written; anything else quoted."""
    return text if re.fullmatch(r"\d+(\.\d+)?[smhdw]", text) else scalar(text)


def _attribution_seen(proposal: Proposal) -> str:
    hours = proposal.figures.immature_hours
    if hours is None:
        return "a guess: clicks are unknown in old hours too"
    if hours == 0:
        return "all clicks are known in the newest hour"
    return f"clicks of the newest {hours} hours are not all known"


def _columns(proposal: Proposal) -> str:
    if not proposal.columns:
        return ""
    lines = [f"  {name}: {scalar(own)}" for name, own in proposal.columns.items()]
    return "columns:                     # Evergreen's name: the lake's own\n" + "\n".join(lines)


def _features(proposal: Proposal) -> str:
    if proposal.made_features:
        head = "features:\n  # made by features.py; take away what does not fit your shop\n"
        return head + f"  numeric:{_list(proposal.made_features)}"
    features = proposal.features
    if not features.names:
        return "# features: none were found in the impressions; inputs cannot be watched for drift"
    lines = ["features:                    # watched for drift: columns of the impressions"]
    if features.numeric:
        lines.append(f"  numeric:{_list(features.numeric)}")
    if features.categorical:
        lines.append(f"  categorical:{_list(features.categorical)}")
    return "\n".join(lines)


def _monitor(proposal: Proposal) -> str:
    lines = [
        "monitor:",
        "  false_alarms_per_year: 1   # the promise of all sensors together; more finds changes "
        "sooner",
    ]
    if proposal.outputs != ("score",):
        lines += [
            "  drift:",
            f"    outputs:{_list(proposal.outputs)}       # the log has no score: the model's "
            "answer is the item",
        ]
    return "\n".join(lines)


def _train(proposal: Proposal) -> str:
    if not proposal.made_features:
        return "train:\n  enabled: false             # trained elsewhere: watched here"
    return (
        "train:\n"
        "  window: 28d                # page views that a challenger learns from and is judged on\n"
        "  deadline: 4h               # a retraining that takes longer is told of\n\n"
        "deploy:\n"
        "  approval: never            # never, inconclusive or always: whether a person is asked"
    )


def _list(names: Iterable[str]) -> str:
    quoted = [scalar(name) for name in names]
    flat = f" [{', '.join(quoted)}]"
    if len(flat) <= WIDTH - 20:
        return flat
    return "\n" + "\n".join(f"    - {name}" for name in quoted)

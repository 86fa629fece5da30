"""The panel's pages. The server sends the frame; a script fills it with one request's data."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from evergreen.panel.assets import digest

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="{static}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{static}/panel.css">
<script src="{static}/theme.js"></script>
{charts}
<script type="module" src="{static}/{script}"></script>
</head>
<body data-airflow="{airflow}" data-panel="{airflow}evergreen/" data-model="{model}">
<a class="skip" href="#main">Skip to the content</a>
<div id="announce" class="unseen" role="status" aria-live="polite"></div>
{body}
<noscript><p class="banner">This page needs JavaScript. <code>evergreen status</code> says the same
in a terminal.</p></noscript>
</body>
</html>
"""
CHARTS = """<link rel="stylesheet" href="{static}/vendor/uPlot.min.css">
<script src="{static}/vendor/uPlot.iife.min.js" defer></script>"""
SKELETON = '<div class="skeleton" aria-hidden="true">' + "<div></div>" * 6 + "</div>"
OVERVIEW = f"""<header class="top"><h1>Evergreen</h1><p id="asked" class="quiet"></p></header>
<main id="main" aria-busy="true">{SKELETON}</main>"""
MODEL = """<header class="top">
<nav aria-label="Where you are"><a href="{panel}">All models</a></nav>
<h1>{model}</h1><p id="asked" class="quiet"></p></header>
<main id="main" aria-busy="true">{skeleton}</main>"""
BACKTESTS = """<header class="top">
<nav aria-label="Where you are"><a href="{panel}">All models</a> /
<a href="{panel}models/{name}">{model}</a></nav>
<h1>Backtests</h1><p id="asked" class="quiet"></p></header>
<main id="main" aria-busy="true">{skeleton}</main>"""
TOLD = """<header class="top">
<nav aria-label="Where you are"><a href="{panel}">All models</a></nav>
<h1>{title}</h1></header>
<main id="main"><p>{text}</p></main>"""


def overview_page(airflow: str) -> str:
    """Return the page with all models.

    Parameters:
        airflow: path of Airflow's root, with a slash at its end: `/`, or a prefix.
    """
    return _page(airflow, "Evergreen", OVERVIEW, script="overview.js")


def model_page(airflow: str, model: str) -> str:
    """Return the page of one model."""
    body = MODEL.format(
        panel=escape(f"{airflow}evergreen/"), model=escape(model), skeleton=SKELETON
    )
    return _page(airflow, f"{model} · Evergreen", body, script="model.js", model=model)


def backtests_page(airflow: str, model: str) -> str:
    """Return the page that compares a model's backtests."""
    body = BACKTESTS.format(
        panel=escape(f"{airflow}evergreen/"),
        name=escape(quote(model, safe="")),
        model=escape(model),
        skeleton=SKELETON,
    )
    title = f"Backtests of {model} · Evergreen"
    return _page(airflow, title, body, script="backtests.js", model=model)


def stranger_page(airflow: str, dag_id: str) -> str:
    """Return what the tab of a DAG shows that is not ours."""
    text = f"The DAG {dag_id} belongs to no model that Evergreen keeps fresh."
    return told_page(airflow, "Not a model of Evergreen", text)


def told_page(airflow: str, title: str, text: str) -> str:
    """Return a page that only says something: why there is nothing else to see."""
    panel = escape(f"{airflow}evergreen/")
    body = TOLD.format(panel=panel, title=escape(title), text=escape(text))
    return _page(airflow, "Evergreen", body, script="stranger.js")


def _page(airflow: str, title: str, body: str, *, script: str, model: str = "") -> str:
    static = escape(f"{airflow}evergreen/static/{digest()}")
    return PAGE.format(
        title=escape(title),
        static=static,
        charts=CHARTS.format(static=static) if model else "",
        airflow=escape(airflow),
        model=escape(model),
        script=script,
        body=body,
    )

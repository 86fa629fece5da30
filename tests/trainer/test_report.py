"""The evaluation report: whole, the same each time, harmless whatever the names say."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run
from made_verdict import EVIL, made_verdict

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.registry import Registry
from evergreen.adapters.reports import Reports
from evergreen.config.model_spec import ModelSpec
from evergreen.trainer.gate_run import gate
from evergreen.trainer.report import write_report
from evergreen.trainer.report_page import report_page

SPEC = ModelSpec.model_validate(
    {"model": "shop", "description": "", "owner": "", "gate": {"min_page_views": 50}}
)


class Tags(HTMLParser):
    """Every tag with its attributes, and the text outside of styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def page_of(folder: Path, verdict: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Write a report; return its page and its JSON as they lie in the run directory."""
    run = make_run(folder, SPEC)
    write_report(run.url, verdict)
    at = folder / "k" / "gate" / f"champion={verdict['expected'] or 0}"
    return (at / "report.html").read_text(), json.loads((at / "report.json").read_text())


def test_the_json_is_the_whole_verdict_but_the_profile(tmp_path: Path) -> None:
    verdict = made_verdict()
    _, body = page_of(tmp_path, verdict)
    evidence = body.pop("evidence")
    assert body == {
        "schema": 1,
        "model": "shop",
        "window": {"start": "2011-04-04T00:00:00+00:00", "end": "2011-04-18T00:00:00+00:00"},
        **{name: verdict[name] for name in ("verdict", "version", "expected", "as_of", "run_key")},
        "reasons": verdict["reasons"],
    }
    assert set(verdict["evidence"]) - set(evidence) == {"profile"}
    assert evidence["metrics"]["champion"] == {"ndcg": None, "ctr": 0.019}  # JSON has no NaN
    for name in ("rules", "power", "budget", "calibration", "differences"):
        assert evidence[name] == verdict["evidence"][name]


def test_the_page_has_every_rule_with_its_numbers(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path, made_verdict())
    rows = re.findall(r"<tr>(.*?)</tr>", page)
    cells = [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", rows[2])]
    assert cells == [
        *("gain", "0.03", "0.01 to 0.05", "0", "1,234 page views, 600 clusters", "pass", "gain")
    ]
    assert sum("slice" in row for row in rows) == 3
    text = Tags(page).text
    for said in (
        "HOLD",
        "not enough data",
        "The holdout has 1,234 page views; to show a gain of 0.03 it would need 5,000.",
        "0.015 of 0.05 of the error budget is spent.",
        "0.1235",
        "6,170",
    ):
        assert said in text


def test_three_pictures_stand_in_the_page_and_say_what_they_show(tmp_path: Path) -> None:
    found = Tags(page_of(tmp_path, made_verdict())[0])
    pictures = [attributes for tag, attributes in found.tags if tag == "svg"]
    assert [picture["role"] for picture in pictures] == ["img"] * 3
    assert [picture["aria-label"] for picture in pictures] == [
        "Gain by slice with intervals, 4 of 4 shown",
        "Calibration: predicted against observed click rate",
        "Distribution of the differences a page view",
    ]
    assert "popularity_28d q4" in found.text


def test_the_page_runs_and_loads_nothing(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path, made_verdict())
    found = Tags(page)
    assert found.open == []
    names = {tag for tag, _ in found.tags}
    assert not names & {"script", "link", "img", "iframe", "image", "foreignobject", "a", "form"}
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        addresses = [attributes.get(name) or "#" for name in ("href", "xlink:href", "src")]
        assert all(address.startswith("#") for address in addresses), tag
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_names_from_data_are_text(tmp_path: Path) -> None:
    page, body = page_of(tmp_path, made_verdict())
    assert "<script" not in page
    assert "\x00" not in page
    assert "\u202e" not in page
    shown = EVIL.replace("\x00", " ").replace("\u202e", " ").strip()
    found = Tags(page)
    assert f"worse on {' '.join(shown.split())}" in found.text
    assert body["reasons"] == [f"worse on {EVIL}"]  # JSON keeps what was


def test_it_is_read_in_light_and_in_dark(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path, made_verdict())
    assert "color-scheme: light dark" in page
    assert "currentColor" in page
    drawn = page[page.index("<svg") :]
    assert not re.search(r"(?:fill|stroke): #(?:000000|ffffff)", drawn)


def test_the_same_verdict_gives_the_same_bytes(tmp_path: Path) -> None:
    first = page_of(tmp_path, made_verdict())[0]
    assert page_of(tmp_path, made_verdict())[0] == first
    assert page_of(tmp_path / "elsewhere", made_verdict())[0] == first


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"rules": None, "metrics": None, "calibration": None, "differences": None},
        {"rules": [{"name": "gain"}, "nonsense"], "metrics": {"challenger": None}},
        {"rules": [{"name": "gain", "value": float("nan"), "lower": float("-inf")}]},
        {"calibration": {"challenger": []}, "differences": {"edges": [0, 1], "counts": [1, 2]}},
        {"calibration": {"challenger": [{"predicted": None}]}, "power": {}, "budget": {}},
    ],
)
def test_what_the_gate_left_out_is_said_to_be_missing(
    tmp_path: Path, evidence: dict[str, Any]
) -> None:
    page, body = page_of(tmp_path, made_verdict(evidence=evidence, expected=None))
    found = Tags(page)
    assert found.open == []
    assert "svg" not in {tag for tag, _ in found.tags}
    assert found.text.count("The gate left nothing to draw this from.") == 3
    assert body["expected"] is None


def test_of_many_slices_the_first_are_drawn() -> None:
    verdict = made_verdict()
    slice_rule = verdict["evidence"]["rules"][2]
    rules = [{**slice_rule, "subject": f"item={n}"} for n in range(60)]
    page = report_page({**verdict, "model": "shop", "evidence": {"rules": rules}})
    assert 'aria-label="Gain by slice with intervals, 40 of 60 shown"' in page
    assert page.count("<td>slice item=") == 60


def test_the_gate_s_own_verdict_makes_a_report(tmp_path: Path) -> None:
    from test_gate_run import crown, evaluated

    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.migrate()
    ledger.open_run("also_bought", "k", trigger="manual", manifest={})
    run = evaluated(tmp_path, champion=0.3)
    crown(ledger)
    verdict = gate(run.url, champion_version=1, ledger=ledger)
    assert verdict["verdict"] == "PROMOTE"
    write_report(run.url, verdict)
    page = Reports(str(tmp_path)).read("k", "1").decode()
    text = Tags(page).text
    assert "PROMOTE" in text
    for rule in verdict["evidence"]["rules"]:
        assert rule["text"] in text


def test_an_unreachable_mlflow_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, SPEC)
    nowhere = Registry(f"sqlite:////proc/no/such/{tmp_path.name}/mlflow.db")
    write_report(run.url, made_verdict(), registry=nowhere)
    said = "".join(capsys.readouterr())
    assert "the report is not in MLflow, everything else goes on" in said
    assert b"HOLD" in Reports(str(tmp_path)).read("k", "1")


@pytest.mark.parametrize(
    ("run_key", "champion", "name"),
    [
        ("k", "2", "report.html"),
        ("other", "1", "report.html"),
        ("k", "1", "manifest.json"),
        ("k", "01", "report.html"),
        ("k", "1/../champion=1", "report.html"),
        ("../k", "1", "report.html"),
        ("", "1", "report.html"),
        ("k\n", "1", "report.html"),
    ],
)
def test_nothing_else_is_read(tmp_path: Path, run_key: str, champion: str, name: str) -> None:
    page_of(tmp_path, made_verdict())
    reports = Reports(str(tmp_path))
    assert reports.read("k", "1")
    with pytest.raises(FileNotFoundError):
        reports.read(run_key, champion, name)

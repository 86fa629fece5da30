"""`alerts` of model.yaml: channels, quiet hours, and the wording of what is wrong."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from evergreen.config.model_spec import ModelSpec, load_spec
from evergreen.domain.errors import ModelSpecInvalid
from evergreen.domain.quiet_hours import QuietHours


def spec_of(folder: Path, alerts: str, top: str = "") -> ModelSpec:
    folder = folder / "shop"
    folder.mkdir(exist_ok=True)
    head = "model: shop\ndescription: d\nowner: o\n"
    (folder / "model.yaml").write_text(f"{head}{top}\nalerts:\n{alerts}")
    return load_spec(folder)


def test_everything_in_one_file(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        """
  channel: "#shop"
  by_severity: {error: "#oncall"}
  quiet_hours: {start: "22:00", end: "07:00", timezone: "Europe/Berlin", except: [error, warning]}
""",
        top='slack_channel: "#old"',
    )
    assert [spec.channel_for(s) for s in ("info", "warning", "error")] == [
        "#shop",
        "#shop",
        "#oncall",
    ]
    quiet = spec.alerts.quiet_hours
    assert quiet.exempt == ("error", "warning")
    assert quiet.hours() == QuietHours(start=time(22), end=time(7), zone=ZoneInfo("Europe/Berlin"))


def test_without_alerts_the_slack_channel_is_used_and_nothing_is_quiet(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "  {}\n", top='slack_channel: "#shop"')
    assert spec.channel_for("error") == "#shop"
    assert spec.alerts.quiet_hours.hours() is None
    assert spec_of(tmp_path, "  {}\n").channel_for("info") == ""


def test_a_time_without_quotes_is_what_it_looks_like(tmp_path: Path) -> None:
    quiet = spec_of(tmp_path, "  quiet_hours: {start: 22:30, end: 07:00}\n").alerts.quiet_hours
    assert (quiet.start, quiet.end) == ("22:30", "07:00")


@pytest.mark.parametrize(
    ("alerts", "words"),
    [
        ("quiet_hours: {start: '22:00', end: '07:00', timezone: Mars/Base}", "such as Europe"),
        ("quiet_hours: {start: '22:00', end: '07:00', timezone: ../../etc/passwd}", "time zone"),
        ("quiet_hours: {start: '25:00', end: '07:00'}", "a time of day such as 22:00"),
        ("quiet_hours: {start: 99999, end: '07:00'}", "a time of day such as 22:00"),
        ("quiet_hours: {start: yes, end: '07:00'}", "a time of day such as 22:00"),
        ("quiet_hours: {start: '22:00'}", "needs both start and end"),
        ("quiet_hours: {start: '22:00', end: '22:00'}", "must differ"),
        ("quiet_hours: {start: '22:00', end: '7:00', except: [eror]}", "alerts.quiet_hours"),
        ("by_severity: {eror: '#x'}", "alerts.by_severity"),
        ("by_severity: {error: ''}", "error: expected a channel such as #oncall"),
        ("channel: 'two words'", "alerts.channel"),
        ("chanel: '#x'", "unknown key alerts.chanel; did you mean channel?"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, alerts: str, words: str) -> None:
    with pytest.raises(ModelSpecInvalid) as caught:
        spec_of(tmp_path, f"  {alerts}\n")
    assert words in str(caught.value)

"""The pages of a run are kept whole, found by name, and nothing else can be read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from evergreen.adapters.data_docs import DataDocs, docs_path, night_run, window_run
from evergreen.domain.errors import DataDocsUnreachable


@pytest.fixture
def docs(tmp_path: Path) -> DataDocs:
    return DataDocs(str(tmp_path / "docs"))


def site(folder: Path, **pages: str) -> Path:
    for name, text in {"index": "first", **pages}.items():
        path = folder / f"{name.replace('__', '/')}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_names_and_addresses() -> None:
    night = night_run(datetime(2011, 5, 2, tzinfo=UTC))
    assert (night, window_run("0af3")) == ("2011-05-02", "window-0af3")
    assert docs_path("shop", night) == "/evergreen/data-docs/shop/2011-05-02/index.html"


def test_a_person_s_address_needs_no_panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = f"file://{tmp_path}/docs/2011-05-02/index.html"
    assert DataDocs("docs").address("2011-05-02") == page
    assert DataDocs(f"file://{tmp_path}/docs").address("2011-05-02") == page
    store = DataDocs("s3://ann:pw@docs/shop")
    assert store.address("2011-05-02") == "s3://***@docs/shop/2011-05-02/index.html"
    with pytest.raises(ValueError, match="is not spelt like"):
        store.address("..")


def test_pages_are_read_back(docs: DataDocs, tmp_path: Path) -> None:
    docs.put(site(tmp_path / "a", suites__orders="bad"), "2011-05-02")
    assert docs.read("2011-05-02") == b"first"
    assert docs.read("2011-05-02", "suites/orders.html") == b"bad"


def test_a_second_put_replaces_the_first(docs: DataDocs, tmp_path: Path) -> None:
    docs.put(site(tmp_path / "a", orders="bad", old="gone"), "2011-05-02")
    docs.put(site(tmp_path / "b", orders="good"), "2011-05-02")
    assert docs.read("2011-05-02", "orders.html") == b"good"
    with pytest.raises(FileNotFoundError):
        docs.read("2011-05-02", "old.html")


def test_runs_newest_night_first_then_windows(docs: DataDocs, tmp_path: Path) -> None:
    made = site(tmp_path / "a")
    assert docs.runs() == []
    for run in ("2011-05-02", "window-b", "2011-05-10", "window-a"):
        docs.put(made, run)
    (tmp_path / "docs" / "2011-05-11").mkdir()  # killed before its first page
    (tmp_path / "docs" / "lost+found").mkdir()
    assert docs.runs() == ["2011-05-10", "2011-05-02", "window-a", "window-b"]


@pytest.mark.parametrize(
    ("run", "page"),
    [
        ("..", "secret"),
        ("2011-05-02/../..", "secret"),
        ("2011-05-02", "../../secret"),
        ("2011-05-02", "suites/../../../secret"),
        ("2011-05-02", "/etc/hostname"),
        ("2011-05-02", "./index.html"),
        ("2011-05-02", ".pages"),
        ("2011-05-02", "suites//orders.html"),
        ("2011-05-02", "suites\\..\\..\\secret"),
        ("2011-05-02", "suites"),
        ("2011-05-02", ""),
        ("2011-05-02\n", "index.html"),
        ("2011-05-02", "index.html\n"),
        ("window-../x", "index.html"),
    ],
)
def test_no_name_leads_elsewhere(docs: DataDocs, tmp_path: Path, run: str, page: str) -> None:
    docs.put(site(tmp_path / "a", suites__orders="bad"), "2011-05-02")
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(FileNotFoundError):
        docs.read(run, page)


def test_what_could_not_be_served_is_not_kept(docs: DataDocs, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"run '\.\./x' is not spelt"):
        docs.put(site(tmp_path / "a"), "../x")
    made = site(tmp_path / "b")
    (made / "a b.html").write_text("")
    with pytest.raises(ValueError, match=r"page 'a b\.html'"):
        docs.put(made, "2011-05-02")


def test_a_place_out_of_reach_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDocsUnreachable, match="file/docs"):
        DataDocs(f"{tmp_path}/file/docs").put(site(tmp_path / "a"), "2011-05-02")

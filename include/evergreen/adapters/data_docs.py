"""Data Docs: the pages that a validation leaves, one folder a run, below one root."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from evergreen.adapters.secret_free import secret_free
from evergreen.domain.errors import DataDocsUnreachable
from evergreen.domain.windows import as_utc

INDEX = "index.html"
RUN = re.compile(r"\d{4}-\d\d-\d\d|(?:window|dataset)-[0-9a-z]{1,64}")
PAGE = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.+-]*/)*[A-Za-z0-9_][A-Za-z0-9_.+-]*\.[a-z0-9]+")
"""Path of a page below its run: no part is empty or begins with a dot, so none leads out; it ends
with a file's suffix."""
MOUNT = "/evergreen"
"""Where the panel is mounted in Airflow's API server."""
KEPT = ".pages"


def night_run(day: datetime) -> str:
    """Return the name of a night's run.

    Example:
        >>> from datetime import UTC
        >>> night_run(datetime(2011, 5, 2, tzinfo=UTC))
        '2011-05-02'
    """
    return f"{as_utc(day):%Y-%m-%d}"


def window_run(run_key: str) -> str:
    """Return the name of the run over a training window."""
    return f"window-{run_key}"


def dataset_run(run_key: str) -> str:
    """Return the name of the run over the rows that a training learns from."""
    return f"dataset-{run_key}"


def docs_path(model: str, run: str) -> str:
    """Return where the panel serves a run's first page, from the root of Airflow's own URL."""
    return f"{MOUNT}/data-docs/{model}/{run}/{INDEX}"


class DataDocs:
    """The Data Docs of one model.

    Args:
        root: `settings().docs_root(model)`; a local path or any fsspec URL.

    Raises:
        DataDocsUnreachable: by every method, when the place cannot be reached.
    """

    def __init__(self, root: str) -> None:
        from evergreen.adapters.files import Files  # fsspec: DAG files only ask for an address

        self._files = Files(root, error=DataDocsUnreachable)

    def put(self, folder: Path, run: str) -> None:
        """Keep a built site as this run's, instead of an older one.

        Its first page is written last, and pages that the new site lacks go after that: a reader
        never follows a link into nothing for long.

        Raises:
            ValueError: the run or one of the pages has a name that could not be served.
        """
        _require(RUN, run, "run")
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        pages = [path.relative_to(folder).as_posix() for path in found]
        pages.sort(key=lambda page: page == INDEX)
        for page in pages:
            self._files.write_atomic(_path(run, page), (folder / page).read_bytes())
        for page in set(self._kept(run)) - set(pages):
            self._files.remove(_path(run, page))
        self._files.write_atomic(f"{run}/{KEPT}", "\n".join(sorted(pages)).encode())

    def read(self, run: str, page: str = INDEX) -> bytes:
        """Return one page.

        Raises:
            FileNotFoundError: there is no such page, or the name leads elsewhere.
        """
        if not RUN.fullmatch(run) or not PAGE.fullmatch(page):
            raise FileNotFoundError(f"no page {page!r} of run {run!r}")
        return self._files.read(_path(run, page))

    def address(self, run: str) -> str:
        """Return where a run's first page lies, without the panel: a `file://` or the store's URL.

        Example:
            >>> DataDocs("/srv/docs/also_bought").address("2011-05-02")
            'file:///srv/docs/also_bought/2011-05-02/index.html'
        """
        uri = self._files.uri(_path(_require(RUN, run, "run"), INDEX))
        return secret_free(uri) if "://" in uri else Path(uri).absolute().as_uri()

    def has(self, run: str) -> bool:
        """Return whether a run has left pages."""
        return self._files.exists(_path(_require(RUN, run, "run"), INDEX))

    def runs(self) -> list[str]:
        """Return the runs that have pages, newest night first, training windows after them."""
        names = [name for name in self._files.list() if RUN.fullmatch(name)]
        there = self._files.each(self._files.exists, [_path(name, INDEX) for name in names])
        found = [name for name, is_there in zip(names, there, strict=True) if is_there]
        nights = sorted((name for name in found if name[0].isdigit()), reverse=True)
        return nights + sorted(name for name in found if not name[0].isdigit())

    def _kept(self, run: str) -> list[str]:
        """Return the pages that the run had before."""
        try:
            return self._files.read(f"{run}/{KEPT}").decode().splitlines()
        except FileNotFoundError:
            return []


def _path(run: str, page: str) -> str:
    return f"{run}/{_require(PAGE, page, 'page')}"


def _require(pattern: re.Pattern[str], name: str, what: str) -> str:
    if not pattern.fullmatch(name):
        raise ValueError(f"{what} {name!r} is not spelt like {pattern.pattern}")
    return name

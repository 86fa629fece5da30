"""How modules are shared out between pytest-xdist's processes: what takes longest begins first.

Tests of containers and pods take turns at one image builder and one cluster, and mostly wait: they
are one unit, begun first, while other processes compute.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TAKE_TURNS = ("tests/docker/", "tests/pods/")


class Modules(LoadScopeScheduling):
    """Keeps a module in one process, and all that take turns in one."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(TAKE_TURNS):
            return "containers"
        return nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Modules | None:
    """Share modules out, where modules are what is shared out."""
    return Modules(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the modules with the longest timeout first, in processes side by side only."""
    if not hasattr(config, "workerinput"):
        return
    longest: dict[Path, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0.0), mark.args[0] if mark else 0.0)
    items.sort(key=lambda item: -longest[item.path])

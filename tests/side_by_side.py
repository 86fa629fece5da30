"""How modules are shared out between pytest-xdist's processes: what takes longest begins first.

Tests of containers and pods take turns at one image builder and one cluster, and mostly wait: they
are one unit, begun first, while other processes compute.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Modules | None:
    """Share modules out, where modules are what is shared out."""
    return Modules(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the modules with the longest timeout first, in processes side by side only."""
    if hasattr(config, "workerinput"):
        longest = _timeouts(items)
        items.sort(key=lambda item: -longest[item.nodeid.partition("::")[0]])


def _timeouts(items: Sequence[pytest.Item]) -> dict[str, float]:
    """Return the longest timeout that a test of each module asks for, in seconds."""
    found: dict[str, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        module = item.nodeid.partition("::")[0]
        found[module] = max(found.get(module, 0.0), float(mark.args[0]) if mark else 0.0)
    return found

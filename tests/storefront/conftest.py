"""The real sales log, where it is at hand."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data" / "online_retail"


@pytest.fixture
def real_log():
    """UCI Online Retail, December to June; not part of this repository."""
    path = SHARED / "online_retail.parquet"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    return path

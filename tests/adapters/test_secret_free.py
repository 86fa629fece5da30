"""No secret of a URL is told, and places still are."""

from __future__ import annotations

import pytest

from evergreen.adapters.secret_free import secret_free


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://ann:pw@mlflow:5000 is down", "http://***@mlflow:5000 is down"),
        ("postgresql://u:p@ss@host/db", "postgresql://***@host/db"),
        ("postgresql://u:p@s@s@host:5432/db", "postgresql://***@host:5432/db"),
        ("s3://KEY:SE/CRET@b", "s3://***@b"),
        ("s3://KEY:S/E/CR@ET@b/a", "s3://***@b/a"),
        ("s3://KEY:12S/ECRET@b", "s3://***@b"),
        ("https://a.net/b?sig=SECRET", "https://a.net/b?sig=***"),
        ("'https://a.net/b?sv=1&sig=SE%2FC' failed", "'https://a.net/b?sv=***&sig=***' failed"),
        ("https://a.net/#access_token=SECRET", "https://a.net/#access_token=***"),
        ("https://u:p@a.net?sig=S@ECRET", "https://***@a.net?sig=***"),
        ("postgresql://u:p?w#x@host/db", "postgresql://***@host/db"),
        ("from s3://a:b@c to s3://d:e@f", "from s3://***@c to s3://***@f"),
    ],
)
def test_secrets_are_hidden(text: str, told: str) -> None:
    assert secret_free(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "http://host:5000/path/a@b is down",
        "https://host/people/a@b",
        "http://[::1]:5000/a@b",
        "sqlite:////home/evergreen/ledger.db",
        "s3://bucket/lake/orders/hour=2011-05-02T13/_SUCCESS",
        "/data/hour=2011-05-02T13 and ann@example.com?a=b",
        "is http://host/a up?",
    ],
)
def test_the_rest_is_left(text: str) -> None:
    assert secret_free(text) == text

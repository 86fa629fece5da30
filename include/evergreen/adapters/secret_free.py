"""Texts without the passwords that URLs may carry."""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=://)[^/\s@]+@")


def secret_free(text: str) -> str:
    """Return the text without what stands before the `@` of a URL's host.

    Example: `secret_free("http://ann:pw@mlflow:5000 is down")` is
    `"http://***@mlflow:5000 is down"`.
    """
    return _USER.sub("***@", text)

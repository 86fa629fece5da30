"""Texts without the secrets that URLs may carry."""

from __future__ import annotations

import re

_USER = re.compile(
    r"(?<=://)(?:"
    r"[^/\s?#]*@"  # the last @ before the path: an earlier one is a password's
    r"|[^/\s?#@:\[]+:(?!\d*(?:[/?#\s]|$))\S*@)"  # user:, no port: the / before @ is a password's
)
_VALUE = re.compile(r"(://[^\s?#]*[?#]\S*)")
_OF_NAME = re.compile(r"(?<=[?&#;])([^\s?&#;=]+=)[^\s&#;'\"<>]+")


def secret_free(text: str) -> str:
    """Return the text without the users and the values of queries of its URLs.

    What stands before the last `@` of a URL's host is hidden, a `/` of a password too unless what
    stands before it may be a host's port.

    Example: `secret_free("http://ann:pw@mlflow:5000/a?sig=1 is down")` is
    `"http://***@mlflow:5000/a?sig=*** is down"`.
    """
    hidden = _USER.sub("***@", text)
    return _VALUE.sub(lambda url: _OF_NAME.sub(r"\1***", url[0]), hidden)

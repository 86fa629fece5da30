"""The key that hides ids in what people may read: random, this installation's own, kept in HOME.

Ids are few and often numbers: whoever knows how they are hashed tries all of them in a second. With
a key that they do not have, they cannot.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
from functools import cache
from hashlib import sha256
from pathlib import Path

from evergreen.config.settings import settings

log = logging.getLogger(__name__)
FILE = "hash_key"
KEY_BYTES = 32
DIGITS = 16
"""Hex digits kept of a hashed id: enough to tell ids apart."""


def hidden(text: str, scope: str) -> str:
    """Return the first 16 hex digits of HMAC-SHA256 of scope and text under the installation's key.

    The same text has the same digits in one scope, and others in every other scope.
    """
    return hmac.digest(_key(settings().home / FILE), f"{scope}:{text}".encode(), sha256).hex()[
        :DIGITS
    ]


@cache
def _key(path: Path) -> bytes:
    """Return the key that is kept, made once; one of this process where it cannot be kept."""
    try:
        return _kept(path)
    except OSError as error:
        log.warning(
            "%s cannot be read or written (%s): hashed ids of this run are not those of others",
            path,
            error,
        )
        return secrets.token_bytes(KEY_BYTES)


def _kept(path: Path) -> bytes:
    """Return the file's key; of several processes that make it at once, all get the same."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f".{FILE}.{secrets.token_hex(6)}.tmp")
        try:
            with os.fdopen(
                os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as file:
                file.write(secrets.token_bytes(KEY_BYTES))
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink(missing_ok=True)
    key = path.read_bytes()
    if len(key) < KEY_BYTES:
        raise OSError(f"it has {len(key)} bytes, expected {KEY_BYTES}; remove it")
    return key

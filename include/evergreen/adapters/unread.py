"""The named error of a Parquet file that could not be read: out of reach, or broken."""

from __future__ import annotations

from evergreen.domain.errors import EvergreenError, FileCorrupt, LakeUnreachable

OUT_OF_REACH = (PermissionError, ConnectionError, TimeoutError)
MAX_REASON_LENGTH = 200


def unread(uri: str, error: Exception) -> EvergreenError:
    """Return `LakeUnreachable` where no one could read the file now, else `FileCorrupt`.

    Only the first line of the cause is told: what follows may be a store's whole answer.
    """
    reason = (str(error).splitlines() or [type(error).__name__])[0][:MAX_REASON_LENGTH]
    if isinstance(error, OUT_OF_REACH):
        return LakeUnreachable(
            f"cannot read {uri} ({reason}); check that the store runs, and permissions or "
            "credentials"
        )
    return FileCorrupt(f"{uri} cannot be read as Parquet ({reason}); land its hour again")

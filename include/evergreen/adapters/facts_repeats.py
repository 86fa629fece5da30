"""Which ids of an hour an earlier hour has already: page views and order lines sent twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def repeated_later(keys_by_hour: Sequence[np.ndarray]) -> np.ndarray:
    """Return for each hour how many of its keys an earlier hour has as well, [hours].

    The hour's number takes the lowest bits of each key, so that one sort puts equal keys together,
    the earliest hour first: 6 bits of 64 for two days. Takes 24 bytes a key.

    Parameters:
        keys_by_hour: 64-bit hashes of each hour, oldest hour first; repeated within an hour they
            count each time.

    Example:
        >>> a, b = np.uint64(1 << 40), np.uint64(1 << 50)
        >>> repeated_later([np.array([a]), np.array([a, b]), np.array([a, b, b])]).tolist()
        [0, 1, 3]
    """
    hours = len(keys_by_hour)
    bits = np.uint64(max(hours - 1, 1).bit_length())
    parts = [keys >> bits << bits | np.uint64(i) for i, keys in enumerate(keys_by_hour)]
    keys = np.concatenate([np.zeros(0, dtype=np.uint64), *parts])
    keys.sort()
    if not keys.size:
        return np.zeros(hours, dtype=np.int64)
    hour = (keys & np.uint64((1 << int(bits)) - 1)).astype(np.int64)
    keys >>= bits
    new = np.append(True, keys[1:] != keys[:-1])
    starts = np.flatnonzero(new)
    first = np.repeat(hour[starts], np.diff(starts, append=keys.size))
    return np.bincount(hour[hour > first], minlength=hours)

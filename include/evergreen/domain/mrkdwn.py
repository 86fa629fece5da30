"""Slack's markup: text that comes from data stays text. It pings nobody and formats nothing."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'", "*": "∗"}
"""Slack reads the first three. The others have no entity: a value could end a span, or make a bold
line that looks like ours."""
_IN_URL = "!#$%&'()*+,/:;=?@[]~"  # what stays as it is: the URL's own signs


def one_line(text: str) -> str:
    """Return a text without line ends and signs that cannot be seen, which could fake our lines.

    Example:
        >>> one_line("coats\\n*State* deployed")
        'coats *State* deployed'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def escaped(text: str, limit: int) -> str:
    """Return a text as Slack shows it literally, at most `limit` characters long.

    It is cut between characters, so that no entity is cut, and then ends with `…`.

    Example:
        >>> escaped("<!channel> & `x`", 100)
        "&lt;!channel&gt; &amp; 'x'"
        >>> escaped("a<b<c", 8)
        'a&lt;b…'
    """
    signs = [_ENTITIES.get(c, c) for c in one_line(text)]
    if sum(map(len, signs)) <= limit:
        return "".join(signs)
    kept, size = [], 1
    for sign in signs:
        size += len(sign)
        if size > limit:
            break
        kept.append(sign)
    return "".join(kept) + "…"


def plain(text: str, limit: int) -> str:
    """Return a text for a place where Slack reads no markup (a header), cut to `limit`."""
    line = one_line(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def link(url: str, label: str, limit: int = 150) -> str:
    """Return a link; only the label where the address is none of the web, or too long.

    Example:
        >>> link("https://a/b?c=d&e|f", "Report")
        '<https://a/b?c=d&amp;e%7Cf|Report>'
        >>> link("javascript:alert(1)", "Report")
        'Report'
    """
    said = escaped(label, limit).replace("|", "/")
    address = quote(one_line(url), safe=_IN_URL).replace("&", "&amp;")
    if urlsplit(url).scheme not in ("http", "https") or len(address) > 1_000:
        return said
    return f"<{address}|{said}>"

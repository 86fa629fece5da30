"""The headers of every answer: what a browser may do with it, by what it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request, Response

LEFT_PAGES = ("/data-docs/", "/reports/")
"""Pages that a validation or a gate has left: files with styles of their own and no script."""
_EVERYWHERE = (
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
LEFT_POLICY = f"default-src 'none'; style-src 'self' 'unsafe-inline'; {_EVERYWHERE}"
PANEL_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; {_EVERYWHERE}"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}


async def with_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Answer with our headers; only what the panel itself is made of may be cached."""
    response = await call_next(request)
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    left = path.startswith(LEFT_PAGES)
    response.headers["Content-Security-Policy"] = LEFT_POLICY if left else PANEL_POLICY
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response

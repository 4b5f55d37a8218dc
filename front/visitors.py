"""Telling visitors of a public app apart: a random cookie for each browser, set with its first page."""

from __future__ import annotations

import secrets
from http.cookies import SimpleCookie
from typing import Any

COOKIE = "fenshen-visitor"
_YEAR = 365 * 24 * 3600


class VisitorCookie:
    """ASGI middleware: a browser without the cookie gets one. It holds nothing but a number that cannot be guessed."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/" or COOKIE in _cookies(scope):
            await self._app(scope, receive, send)
            return
        cookie = f"{COOKIE}={secrets.token_urlsafe(18)}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax"

        async def send_with_cookie(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"set-cookie", cookie.encode())]}
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def _cookies(scope: dict[str, Any]) -> SimpleCookie:
    found: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            found.load(value.decode("latin-1"))
    return found

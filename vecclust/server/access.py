"""Access to pages on loopback: asked before every page, so that no page has to think of it.

A request has to name this server as its host (a foreign name that leads here is refused), must not come from another
site, and must show the session that the token in the printed address was exchanged for. What changes something is a
POST that says where it comes from. Every answer, refusals too, carries the same headers.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Keys:
    """What lets a browser in.

    Attributes:
        token: stands in the printed address.
        session: stands in the cookie that the token is exchanged for.
    """

    token: str
    session: str

    @classmethod
    def fresh(cls) -> Keys:
        """Draw new ones."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32))


class AccessControl:
    """Lets requests of the one session through, and refuses all others.

    Args:
        app: what is asked.
        port: where the server listens.
        keys: what lets in.
    """

    def __init__(self, app: ASGIApp, *, port: int, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        # Cookies of one host are shared by all its ports.
        self._cookie = f"vecclust-{port}"
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or refuse it."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return _refused("This is not the address of this server.", 421)
        if not self._is_ours(headers, changes=scope["method"] not in ("GET", "HEAD")):
            return _refused("Requests from other sites are refused.", 403)
        given = QueryParams(scope["query_string"]).get("token") if scope["path"] == "/" else None
        if given is not None and scope["method"] == "GET":
            return self._exchanged(given)
        if not _same(cookie_parser("; ".join(headers.getlist("cookie"))).get(self._cookie, ""), self._keys.session):
            return _refused("Open the address that `vecclust ui` printed: it holds the key to this page.", 401)
        return None

    def _is_ours(self, headers: Headers, *, changes: bool) -> bool:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site != "same-origin" and (changes or site != "none"):
            return False
        # A form of a page without a referrer names the origin `null`; then the browser itself has to vouch for it.
        vouched = site == "same-origin"
        if origin is not None and origin not in self._origins and not (origin == "null" and vouched):
            return False
        return not changes or vouched or origin in self._origins

    def _exchanged(self, given: str) -> Response:
        if not _same(given, self._keys.token):
            return _refused("That key does not fit. Each run of `vecclust ui` prints its own.", 403)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self._cookie, self._keys.session, path="/", httponly=True, samesite="strict")
        return answer


def _same(given: str, wanted: str) -> bool:
    """Compare in constant time; as bytes, for `compare_digest` refuses text that is not ASCII."""
    return secrets.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8"))


def _refused(why: str, status: int) -> Response:
    return PlainTextResponse(f"{why}\n", status_code=status)

"""Access control: everybody on this machine, or holders of the token."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode

from h11 import LocalProtocolError
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "impasto-token"

# Nothing is loaded from elsewhere, nothing is sent elsewhere. Plotly sets styles on its elements.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address to bind to."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Access:
    """A gate before every route, static files and live updates too: only GET and HEAD, and only with access.

    With a token, a request must bring it: as `?token=`, which is turned into a cookie and a redirect so that it does
    not stay in the address bar, as that cookie, or as `Authorization: Bearer`. All are compared in constant time.
    Without one, the request must be addressed to this machine by a loopback name, so that no page on the internet can
    read along by pointing its own name here (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, token: str = "") -> None:
        self.app = app
        self.token = token.encode()
        self.mark = hashlib.sha256(
            b"impasto dashboard\0" + self.token
        ).hexdigest()  # the cookie does not hold the token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # no websockets
        refusal = self.refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, secured(send))
        else:
            await self.app(scope, receive, secured(send))

    def refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that is not let through; None for one that is."""
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("only GET and HEAD", 405, {"Allow": "GET, HEAD"})
        headers = Headers(scope=scope)
        if not self.token:
            host = headers.get("host", "").rsplit("]", 1)
            name = host[0] + "]" if len(host) == 2 else host[0].rsplit(":", 1)[0]
            if not is_loopback(name):
                return PlainTextResponse("open the dashboard by a loopback address, or start it with --token", 421)
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if given:
            if not hmac.compare_digest(given[-1].encode(), self.token):
                return PlainTextResponse("wrong token", 401)
            rest = urlencode([pair for pair in query if pair[0] != "token"])
            # Only the path's last part: relative, so that it works behind a proxy, and never another site.
            target = "./" + quote(scope["path"].rsplit("/", 1)[-1]) + ("?" + rest if rest else "")
            answer = RedirectResponse(target, 303)
            # "lax": "strict" would leave it out if a link on another site leads here; only GET is answered.
            answer.set_cookie(COOKIE, self.mark, httponly=True, samesite="lax", path="/", secure=is_encrypted(scope))
            return answer
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(bearer.encode(), self.token):
            return None
        if hmac.compare_digest(cookie(headers.get("cookie", "")).encode(), self.mark.encode()):
            return None
        return PlainTextResponse("this dashboard needs its token: add ?token=... to the address", 401)


def is_encrypted(scope: Scope) -> bool:
    """Return whether a request came by https, here or to the proxy that passed it on.

    A browser then never sends the cookie by http. Who lies about it in a header hurts nobody but himself.
    """
    forwarded = Headers(scope=scope).get("x-forwarded-proto", "")
    return "https" in (scope.get("scheme"), forwarded.split(",")[0].strip().lower())


def cookie(header: str) -> str:
    """Value of the dashboard's cookie; empty if there is none."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def secured(send: Send) -> Send:
    """Add the headers that keep a browser from loading or telling anything elsewhere."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                *message.get("headers", []),
                (b"content-security-policy", POLICY.encode()),
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"no-referrer"),
            ]
        # uvicorn has ended the connection if what came after the request was no HTTP; nobody waits for the answer then.
        with contextlib.suppress(LocalProtocolError):
            await send(message)

    return wrapped

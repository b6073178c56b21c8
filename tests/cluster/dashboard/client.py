"""Requests to the application without a server, and pages that are checked to be well-formed."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser
from pathlib import Path

import httpx
from starlette.applications import Starlette

from cluster.dashboard.server import make_app


class Client:
    """Asks an application as a browser at `address` would; follows no redirects and keeps no cookies."""

    def __init__(self, app: Starlette, address: str = "http://127.0.0.1:8300") -> None:
        self.app, self.address = app, address

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> httpx.Response:
        """The whole answer."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.address) as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())


class Balanced(HTMLParser):
    """Fails on elements that are closed in another order than opened."""

    VOID = ("meta", "link", "img", "input", "br", "circle", "rect", "path", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attributes if name == "id"]
        assert not any("<built-in" in (value or "") for _, value in attributes), "a template took a method for a value"
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.stack.pop() == tag


def well_formed(text: str) -> str:
    """The same text; fails unless it is balanced and its ids are unique."""
    parser = Balanced()
    parser.feed(text)
    assert parser.stack == []
    assert len(parser.ids) == len(set(parser.ids))
    return text


def page(root: Path, path: str, status: int = 200) -> str:
    """A well-formed page of the dashboard of a folder."""
    answer = Client(make_app(root)).get(path)
    assert answer.status_code == status, path
    return well_formed(answer.text)

"""Requests to the application without a server."""

from __future__ import annotations

import asyncio

import httpx
from starlette.applications import Starlette


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

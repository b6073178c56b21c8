"""The dashboard as files: walks from the first page along every link, and writes what it finds."""

from __future__ import annotations

import asyncio
import posixpath
import time
from collections import deque
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import httpx

from cluster.dashboard.server import make_app
from cluster.errors import UserError

_ORIGIN = "http://localhost"
REPORT_SECONDS = 5.0


class _Links(HTMLParser):
    """Collects what a page links to or shows."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attributes if name in ("href", "src", "data-src") and value]


def export(root: Path, out: Path, paintings: int, report: Callable[[str], None] = lambda line: None) -> int:
    """Write every page below `root` to `out`; returns the number of files.

    Args:
        root: the folder of runs.
        out: a folder that is empty or does not exist.
        paintings: of each sheet that get a stroke theatre.
        report: takes a line about the progress every few seconds.

    Raises:
        UserError: `out` holds something already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"export: {out} is there already: give --out a new folder")
    return asyncio.run(_walk(root, out, paintings, report))


async def _walk(root: Path, out: Path, paintings: int, report: Callable[[str], None]) -> int:
    transport = httpx.ASGITransport(make_app(root, static=True, paintings=paintings))
    waiting, seen, written, told = deque(["index.html"]), {"index.html"}, 0, time.monotonic()
    async with httpx.AsyncClient(transport=transport, base_url=_ORIGIN) as client:
        while waiting:
            target = waiting.popleft()
            page = target.removesuffix("index.html") if posixpath.basename(target) == "index.html" else target
            answer = await client.get("/" + page)
            if answer.status_code != 200:  # a picture that is missing: the page says so
                continue
            path = out / unquote(target)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(answer.content)
            written += 1
            if time.monotonic() - told >= REPORT_SECONDS:
                told = time.monotonic()
                report(f"{written} files, {len(waiting)} to go")
            if answer.headers["content-type"].startswith("text/html"):
                parser = _Links()
                parser.feed(answer.text)
                for link in parser.found:
                    absolute = urlsplit(urldefrag(urljoin(f"{_ORIGIN}/{target}", link))[0])
                    following = absolute.path.lstrip("/")
                    if absolute.netloc == "localhost" and following and following not in seen:
                        seen.add(following)
                        waiting.append(following)
    return written

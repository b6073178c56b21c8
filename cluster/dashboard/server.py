"""The web server: routes, each of which reads what is new and renders a page."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import plotly
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from cluster.dashboard.access import Access
from cluster.dashboard.pages import painting_pages, pictures, population_pages, population_record
from cluster.dashboard.pages import run_pages as pages
from cluster.dashboard.pages.compare_page import compare_page
from cluster.dashboard.readers.library import NotThere
from cluster.dashboard.readers.paintings import picture_of
from cluster.dashboard.readers.runs import Run, Sheet
from cluster.dashboard.readers.site import Site
from cluster.dashboard.render import Renderer
from envs.untrusted import open_file

STATIC = Path(__file__).parent / "static"
# Crops of contact sheets, columns by rows, and the pixels of a painting in them.
THUMBNAILS = {"strip": (8, 1, 56), "row": (5, 1, 48), "wall": (4, 3, 48), "film": (4, 3, 56)}
UNREADABLE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 60" width="200" height="60">'
    '<rect width="200" height="60" fill="#eee"/>'
    '<text x="100" y="35" text-anchor="middle" font-family="sans-serif" font-size="13" fill="#666">'
    "picture unreadable</text></svg>"
)
# Between two checks for changes of an open page, and between two signs of life on its connection.
POLL_SECONDS = 2.0
KEEP_ALIVE_SECONDS = 15.0


class Dashboard:
    """Handlers of all routes."""

    def __init__(self, site: Site, renderer: Renderer) -> None:
        self.site = site
        self.renderer = renderer

    def html(self, request: Request, template: str, make: Callable[[], pages.Context]) -> Response:
        """Render a page whose context `make` gives, while nobody else reads."""
        with self.site.lock:
            context = make()
            text = self.renderer(template, request.url.path.lstrip("/"), context)
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})

    def runs(self, request: Request) -> Response:
        """The first page."""
        return self.html(request, "runs.html", lambda: pages.runs_page(self.site))

    def compare(self, request: Request) -> Response:
        """The runs that the query names (`?run=a&run=b`) over each other."""
        keys = request.query_params.getlist("run")
        return self.html(request, "compare.html", lambda: compare_page(self.site, keys))

    def run(self, request: Request) -> Response:
        """A run."""
        return self.html(request, "run.html", lambda: pages.run_page(self.site.run(request.path_params["run"])))

    def sheet_of(self, request: Request) -> tuple[Run, Sheet]:
        """The run and sheet that the URL names."""
        run = self.site.run(request.path_params["run"])
        return run, run.sheet(request.path_params["sheet"])

    def sheet(self, request: Request) -> Response:
        """A contact sheet."""
        return self.html(request, "sheet.html", lambda: pages.sheet_page(*self.sheet_of(request)))

    def image(self, request: Request) -> Response:
        """A contact sheet's PNG."""
        with self.site.lock:
            run, sheet = self.sheet_of(request)
            path = run.library.check(sheet.path)
        return file_response(path)

    def thumbnail(self, request: Request) -> Response:
        """The first paintings of a sheet."""
        shape = THUMBNAILS.get(request.path_params["shape"])
        if shape is None:
            raise NotThere(request.path_params["shape"])
        with self.site.lock:
            run, sheet = self.sheet_of(request)
        try:
            return picture(pictures.thumbnail(run, sheet, *shape))
        except NotThere:  # half-written, or gone since: the page stays whole
            return Response(UNREADABLE, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    def theatre(self, request: Request) -> Response:
        """One painting, stroke by stroke."""
        place = int(request.path_params["place"])
        return self.html(request, "theatre.html", lambda: pages.theatre_page(*self.sheet_of(request), place))

    def frames(self, request: Request) -> Response:
        """All frames of one painting."""
        with self.site.lock:
            run, sheet = self.sheet_of(request)
        return picture(pictures.painting_frames(run, sheet, int(request.path_params["place"]))[0])

    def painting(self, request: Request) -> Response:
        """The theatre of a painting of `impasto paint`."""
        with self.site.lock:
            entry, neighbors = self.site.painting(request.path_params["painting"]), self.site.paintings()
        context = painting_pages.painting_page(self.site.library, entry, neighbors)
        text = self.renderer("painting.html", request.url.path.lstrip("/"), context)
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})

    def painting_picture(self, request: Request) -> Response:
        """A painting's moments, its thumbnail, or the PNG beside its strokes."""
        with self.site.lock:
            entry = self.site.painting(request.path_params["painting"])
        name, library = request.path_params["name"], self.site.library
        if name == "frames.jpg":
            return picture(painting_pages.painting_frames(library, entry), "image/jpeg")
        if name == "small.jpg":
            return picture(painting_pages.painting_thumbnail(library, entry), "image/jpeg")
        path = library.check(picture_of(entry))
        if name != "painting.png":
            raise NotThere(name)
        return file_response(path)

    def population(self, request: Request) -> Response:
        """A page of a population."""
        tab, number = request.path_params["tab"], request.path_params.get("number")
        makers: dict[str, Callable[[Any], pages.Context]] = {
            "lineage": population_pages.lineage_page,
            "samples": population_pages.samples_page,
            "drift": population_pages.drift_page,
            "audit": lambda population: population_record.audit_page(population, number),
            "events": lambda population: population_record.events_page(population, number or 1),
        }
        if tab not in makers or (number is not None and tab not in ("audit", "events")):
            raise NotThere(tab)
        key = request.path_params["population"]
        return self.html(request, f"{tab}.html", lambda: makers[tab](self.site.population(key)))

    def lineage(self, request: Request) -> Response:
        """A population's first page."""
        request.path_params["tab"] = "lineage"
        return self.population(request)

    def static(self, request: Request) -> Response:
        """The dashboard's scripts and styles, and Plotly's from its wheel."""
        name = request.path_params["name"]
        if name == "plotly.min.js":
            path = Path(plotly.__file__).parent / "package_data" / name
        elif re.fullmatch(r"[a-z]+\.(js|css|svg)", name) and (STATIC / name).is_file():
            path = STATIC / name
        else:
            raise NotThere(name)
        # A day for Plotly; the dashboard's own are asked for again, and answered with 304 by their time.
        age = "private, max-age=86400" if name == "plotly.min.js" else "no-cache"
        return FileResponse(path, headers={"Cache-Control": age})

    async def live(self, request: Request) -> Response:
        """Server-sent events: one `change` whenever the page named by `?page=` would look different."""
        page = request.query_params.get("page", "")
        first = await run_in_threadpool(self.fingerprint, page)
        return StreamingResponse(
            self.changes(page, first), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def changes(self, page: str, last: str) -> AsyncIterator[str]:
        """The events that `live` sends; they end when the page's folder is gone."""
        yield f"retry: 3000\nevent: hello\ndata: {last}\n\n"
        silent = 0.0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            silent += POLL_SECONDS
            try:
                now = await run_in_threadpool(self.fingerprint, page)
            except NotThere:
                return
            if now != last:
                yield f"event: change\ndata: {now}\n\n"
                last, silent = now, 0.0
            elif silent >= KEEP_ALIVE_SECONDS:
                yield ": still here\n\n"
                silent = 0.0

    def fingerprint(self, page: str) -> str:
        """The page's fingerprint."""
        with self.site.lock:
            return self.site.fingerprint(page)

    def missing(self, request: Request, error: Exception) -> Response:
        """The page for what is not there."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        if not request.url.path.endswith("/"):
            reason = error.reason if isinstance(error, NotThere) and error.reason else "not found"
            return Response(f"{reason}\n", status, media_type="text/plain")
        text = self.renderer("missing.html", request.url.path.lstrip("/"), {"title": "Not found"})
        return HTMLResponse(text, status)


def picture(content: bytes, kind: str = "image/png") -> Response:
    """A picture, kept by the browser for a while."""
    return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=60"})


def file_response(path: Path) -> Response:
    """A picture's file.

    Raises:
        NotThere: it can not be read, or is no file.
    """
    try:
        open_file(path).close()
    except OSError:
        raise NotThere(path.name) from None
    return FileResponse(path, headers={"Cache-Control": "private, max-age=60"})


def make_app(
    root: Path, token: str = "", *, address: str = "", static: bool = False, paintings: int | None = None
) -> Starlette:
    """The application.

    Args:
        root: the folder of runs.
        token: what requests must bring; empty: they must be addressed to a loopback name.
        address: of the shared storage that the folder is a copy of; empty if it is none.
        static: render pages as files (see `cluster.dashboard.export`).
        paintings: of a sheet that have a theatre page; None for all.

    Raises:
        ValueError: `root` is no folder.
    """
    dashboard = Dashboard(Site(root, address), Renderer(static=static, paintings=paintings))
    sheet = "/runs/{run}/sheets/{sheet}"
    return Starlette(
        routes=[
            Route("/", dashboard.runs),
            Route("/compare/", dashboard.compare),
            Route("/live", dashboard.live),
            Route("/static/{name}", dashboard.static),
            Route("/runs/{run}/", dashboard.run),
            Route(sheet + "/", dashboard.sheet),
            Route(sheet + "/image.png", dashboard.image),
            Route(sheet + "/{shape}.png", dashboard.thumbnail),
            Route(sheet + "/{place:int}/", dashboard.theatre),
            Route(sheet + "/{place:int}/frames.png", dashboard.frames),
            Route("/paintings/{painting}/", dashboard.painting),
            Route("/paintings/{painting}/{name}", dashboard.painting_picture),
            Route("/populations/{population}/", dashboard.lineage),
            Route("/populations/{population}/{tab}/", dashboard.population),
            Route("/populations/{population}/{tab}/{number:int}/", dashboard.population),
        ],
        middleware=[Middleware(Access, token=token), Middleware(GZipMiddleware, minimum_size=2000, compresslevel=5)],
        exception_handlers={NotThere: dashboard.missing, 404: dashboard.missing},
    )


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there; OSError says why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), port), family=family)


def serve(root: Path, listening: socket.socket, token: str, address: str = "") -> None:
    """Serve until Ctrl-C."""
    import uvicorn

    # An open page holds a connection for its live updates: do not wait for it.
    config = uvicorn.Config(
        make_app(root, token, address=address), log_level="warning", timeout_graceful_shutdown=1, server_header=False
    )
    uvicorn.Server(config).run([listening])

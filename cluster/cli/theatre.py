"""`impasto paint --open`: the theatre of a painting in the browser."""

from __future__ import annotations

import contextlib
import threading
import webbrowser
from pathlib import Path
from urllib.parse import quote

from cluster.cli.dashboard import listening
from cluster.dashboard.readers.library import Library
from cluster.dashboard.server import serve
from cluster.errors import UserError


def open_theatre(out: Path, strokes: Path) -> None:
    """Serve the dashboard of a folder until Ctrl-C, and have the browser, if there is one, show one of its paintings.

    Raises:
        UserError: The dashboard does not show it.
    """
    key = next((entry.key for entry in Library(out).entries() if entry.path == strokes), None)
    if key is None:
        raise UserError(f"--open: the dashboard does not show {strokes}: it is hidden, or one of too many files")
    with listening("127.0.0.1", 0) as at:
        page = f"http://127.0.0.1:{at.getsockname()[1]}/paintings/{quote(key, safe='~')}/"
        print(f"{page}   (Ctrl-C ends)", flush=True)
        threading.Thread(target=show_in_browser, args=(page,), daemon=True).start()  # some wait until they are closed
        with contextlib.suppress(KeyboardInterrupt):
            serve(out, at, "")


def show_in_browser(page: str) -> None:
    """Show a page in a browser with a window; one of the terminal would take it over, and no browser is no error."""
    with contextlib.suppress(webbrowser.Error, OSError):
        browser = webbrowser.get()
        if type(browser) is not webbrowser.GenericBrowser:
            browser.open(page)

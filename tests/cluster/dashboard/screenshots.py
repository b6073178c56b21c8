"""Takes the pictures of docs/dashboard.md: `python -m tests.cluster.dashboard.screenshots RUNS docs`.

RUNS needs a population and a run with recorded sheets; the first of each, and the first painting, are shown.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from cluster.dashboard.pages.pictures import load_recording
from cluster.dashboard.readers.site import Site
from tests.cluster.dashboard.browser import PHONE, Browser
from tests.cluster.dashboard.conftest import Served

READY = "document.readyState === 'complete' && [...document.images].filter((each) => each.complete).length > 0"
CHARTS = "document.querySelectorAll('.js-plotly-plot .main-svg').length > 0"


def take(root: Path, out: Path) -> None:
    """Write the PNGs."""
    site = Site(root)
    population = site.populations()[0].entry.key
    run = next(
        run for run in site.single_runs() if any(sheet.recorded for sheet in (*run.sheets(), *run.other_sheets()))
    )
    sheet = next(sheet for sheet in (*run.sheets()[::-1], *run.other_sheets()) if sheet.recorded)
    place = int(load_recording(run, sheet).scores[-1].argmax())
    views = {
        "runs": ("/", (1360, 620), False, READY),
        "lineage": (f"/populations/{population}/", (1360, 1130), False, CHARTS),
        "theatre": (
            f"/runs/{run.entry.key}/sheets/{sheet.key}/{place}/",
            (1360, 720),
            False,
            "document.getElementById('score-chart').children.length > 0",
        ),
        "audit": (f"/populations/{population}/audit/", (1360, 1080), False, CHARTS),
        "phone": (f"/runs/{run.entry.key}/", PHONE, True, READY),
    }
    for painting in site.paintings()[:1]:
        show = "document.getElementById('show-strokes').checked || document.getElementById('show-strokes').click()"
        views["painting"] = (f"/paintings/{painting.key}/#s500", (1360, 760), False, f"({show}, true)")
    served = Served(root)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(Path(profile))
        try:
            for name, (path, size, dark, ready) in views.items():
                page = browser.page()
                page.size(size, dark=dark)
                page.open(served.url + path)
                page.wait(ready)
                time.sleep(3)  # thumbnails further down are not waited for by the page itself
                target = page.screenshot(out / f"dashboard-{name}.png")
                page.close()
                with Image.open(target) as picture:
                    picture.convert("RGB").save(target, optimize=True)
                print(target, target.stat().st_size)
        finally:
            browser.close()
            served.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))

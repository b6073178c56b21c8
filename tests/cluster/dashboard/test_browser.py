"""Every page in a real Chromium: no console error, no request to elsewhere; keys, phones, themes, live updates."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from cluster.dashboard.export import export
from tests.cluster.dashboard.browser import PHONE, Browser, Page
from tests.cluster.dashboard.conftest import Served
from tests.cluster.dashboard.made_up import make_run, make_sheet, settings
from tests.cluster.dashboard.test_paintings import make_painting

# Path, and what must be true when the page has done its work.
DRAWN = "document.querySelectorAll('.js-plotly-plot .main-svg').length >= "
LOADED = "[...document.images].filter((each) => each.loading !== 'lazy').every((each) => each.naturalWidth > 0)"
PAGES = {
    "runs": ("/", "document.querySelectorAll('[data-row]').length === 3"),
    "run": ("/runs/alpha/", DRAWN + "4"),
    "sheet": ("/runs/alpha/sheets/00000000/", "document.querySelectorAll('.map a').length === 40"),
    "theatre": ("/runs/alpha/sheets/00000000/3/", "document.getElementById('where').textContent === '5 / 5'"),
    "lineage": ("/populations/people/", DRAWN + "1"),
    "samples": ("/populations/people/samples/", "document.querySelectorAll('.wall-cell').length === 20"),
    "drift": ("/populations/people/drift/", DRAWN + "2"),
    "audit": ("/populations/people/audit/", DRAWN + "1"),
    "events": ("/populations/people/events/", "document.querySelectorAll('[data-row]').length > 50"),
    "member": ("/runs/people~members~01/", DRAWN + "4"),
    "compare": ("/compare/?run=alpha&run=finished&run=people~members~01", DRAWN + "4"),
}
# Dark pixels of the theatre's canvas.
INK = (
    "(() => { const c = document.getElementById('painting'); const d = c.getContext('2d').getImageData(0, 0, c.width, "
    "c.height).data; let n = 0; for (let i = 0; i < d.length; i += 4) n += d[i] < 128 && d[i + 3] > 0; return n; })()"
)


@pytest.mark.parametrize("name", PAGES)
def test_each_page(served: str, page: Page, tmp_path: Path, name: str) -> None:
    path, ready = PAGES[name]
    page.open(served + path)
    page.wait(ready)
    page.wait(LOADED)
    picture = page.screenshot(tmp_path / f"{name}.png")
    assert picture.stat().st_size > 10_000
    page.assert_clean(served)


@pytest.mark.parametrize(
    "name", ["runs", "run", "sheet", "theatre", "lineage", "samples", "audit", "events", "compare"]
)
def test_each_page_on_a_phone_in_the_dark(served: str, page: Page, tmp_path: Path, name: str) -> None:
    path, ready = PAGES[name]
    page.size(PHONE, dark=True)
    page.open(served + path)
    page.wait(DRAWN + "0" if ready.startswith(DRAWN) else ready)  # charts are drawn when they come into view
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == "rgb(21, 21, 19)"
    page.screenshot(tmp_path / f"{name}.png")
    page.assert_clean(served)


def test_the_theme_is_kept(served: str, page: Page) -> None:
    theme = "document.documentElement.dataset.theme"
    page.open(served + "/")
    assert page.evaluate(theme) == "light"
    page.press("t")
    assert page.evaluate(theme) == "dark"
    page.open(served + "/runs/alpha/")
    assert page.evaluate(theme) == "dark"
    page.click("#theme")
    assert page.evaluate(theme) == "light"
    page.assert_clean(served)


def test_the_keyboard_reaches_everything(served: str, page: Page) -> None:
    page.open(served + "/")
    page.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = []
    for _ in range(40):
        page.press("Tab")
        seen.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement === document.body")
    assert {"alpha", "finished", "group / with space", "people", "Copy", "theme", "filter"} <= set(seen)
    page.evaluate("document.activeElement.blur()")
    page.press("/")
    for key in "finished":
        page.press(key)
    assert page.evaluate(
        "[...document.querySelectorAll('[data-row]:not([hidden]) th a')].map((e) => e.textContent)"
    ) == ["finished"]
    assert page.evaluate("location.search") == "?filter=finished"
    page.press("Escape")
    assert page.evaluate("document.querySelectorAll('[data-row]:not([hidden])').length") == 3
    page.assert_clean(served)


def test_tables_sort_and_the_address_says_how(served: str, page: Page) -> None:
    names = "[...document.querySelectorAll('[data-row]')].map((each) => each.dataset.name)"
    page.open(served + "/")
    page.click("[data-sort=name]")
    assert page.evaluate(names) == ["alpha", "finished", "group / with space"]
    page.click("[data-sort=name]")
    assert page.evaluate(names) == ["group / with space", "finished", "alpha"]
    assert page.evaluate("location.search") == "?sort=-name"
    page.open(served + "/?sort=steps")
    assert page.evaluate(names) == ["group / with space", "alpha", "finished"]


def test_curves_over_minutes(served: str, page: Page) -> None:
    page.open(served + "/runs/alpha/?x=minutes")
    page.wait(DRAWN + "4")
    titles = "[...document.querySelectorAll('.js-plotly-plot')].map((each) => each.layout.xaxis.title.text)"
    assert set(page.evaluate(titles)) == {"minutes"}
    page.click("[data-choice=x] [data-value=updates]")
    page.wait(f"{titles}.includes('updates')")
    assert page.evaluate("location.search") == "?x=updates"
    page.assert_clean(served)


def test_runs_are_chosen_in_the_table_and_compared(served: str, page: Page) -> None:
    page.open(served + "/")
    button = "document.getElementById('compare-button')"
    page.wait(f"{button}.disabled")
    for name in ("alpha", "finished"):
        page.click(f"input[value={name}]")
    page.evaluate("document.dispatchEvent(new Event('fresh'))")  # as when the table was replaced
    assert page.evaluate(f"{button}.textContent") == "Compare 2 runs"
    page.click("#compare-button")
    page.wait(DRAWN + "4")
    assert page.evaluate("location.pathname + location.search").startswith("/compare/?run=")
    names = "document.querySelector('.js-plotly-plot').data.map((each) => each.name)"
    assert sorted(page.evaluate(names)) == ["alpha", "finished"]
    colors = "new Set(document.querySelector('.js-plotly-plot').data.map((each) => each.line.color)).size"
    assert page.evaluate(colors) == 2
    page.click("[data-choice=x] [data-value=minutes]")
    page.wait("document.querySelector('.js-plotly-plot').layout.xaxis.title.text === 'minutes'")
    assert "x=minutes" in page.evaluate("location.search")
    page.click(".heading a")  # choose others: the marks are kept
    page.wait(f"{button} && {button}.textContent === 'Compare 2 runs'")
    page.assert_clean(served)


def test_the_theatre_plays_and_steps(served: str, page: Page) -> None:
    page.open(served + "/runs/alpha/sheets/00000000/3/#s2")
    where = "document.getElementById('where').textContent"
    page.wait("document.getElementById('painting').getContext('2d').getImageData(0, 0, 1, 1).data[3] === 255")
    assert page.evaluate(where) == "2 / 5"
    some = page.evaluate(INK)
    page.press("End")
    assert page.evaluate(where) == "5 / 5"
    assert page.evaluate(INK) > some
    page.press("Home")
    assert page.evaluate(INK) == 0
    page.press("ArrowRight")
    assert page.evaluate("location.hash") == "#s1"
    assert page.evaluate("document.querySelector('#actions [aria-current]').dataset.step") == "1"
    page.press(" ")
    page.wait(f"{where} === '5 / 5'")
    page.wait("document.getElementById('play').getAttribute('aria-pressed') === 'false'")
    page.click("#actions tr:nth-child(4)")
    assert page.evaluate(where) == "3 / 5"
    assert page.evaluate("document.getElementById('pen').style.visibility") == "visible"
    page.press("p")
    assert page.evaluate("document.getElementById('pen').style.visibility") == "hidden"
    page.press("]")
    page.wait("document.querySelector('h1').textContent.startsWith('Painting 5')")
    page.errors = [each for each in page.errors if "willReadFrequently" not in each]  # this test's own reading
    page.assert_clean(served)


def test_a_branch_shows_its_path(served: str, page: Page) -> None:
    page.open(served + "/populations/people/")
    page.wait(DRAWN + "1")
    branch = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.branch')].map((each) => Number(each.dataset.branch)))"
    )
    page.evaluate(f"document.querySelector('[data-branch=\"{branch}\"]').focus()")
    page.press("Enter")
    page.wait(f"location.hash === '#branch-{branch}'")
    page.wait(f"document.getElementById('path-title').textContent.startsWith('Path of branch {branch},')")
    ancestors = page.evaluate("document.querySelectorAll('#ancestry li').length")
    assert ancestors >= 2
    assert page.evaluate("document.querySelectorAll('#way path').length") == ancestors
    page.click("[data-choice=curve] [data-value='policy/score']")
    page.wait("document.querySelector('#stitched').layout.yaxis.title.text === 'score'")
    stitched = (
        "document.querySelector('#stitched').data.filter((each) => each.line.width > 2).flatMap((each) => each.x)"
    )
    steps = page.evaluate(stitched)
    assert len(steps) > 40
    assert steps == sorted(steps)
    page.press("Escape")
    page.wait("document.getElementById('path-title').textContent.startsWith('Path of the best member')")
    page.assert_clean(served)


def test_a_page_follows_its_run(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path / "runs" / "growing", seconds=10, sheets=1)
    served = Served(tmp_path / "runs")
    try:
        page.open(served.url + "/runs/growing/")
        page.wait("document.getElementById('live').textContent === 'live'")
        assert page.evaluate("document.querySelectorAll('.film li').length") == 1
        make_sheet(run / "samples", "00009000", settings(), 5)
        with (run / "metrics.jsonl").open("a") as file:
            file.write(
                json.dumps({"update": 9000, "env_steps": 4_444_444, "time": time.time(), "policy/score": 1.0}) + "\n"
            )
        page.wait("document.querySelectorAll('.film li').length === 2")
        page.wait("document.querySelector('#progress').textContent.includes('4.44')")
        page.assert_clean(served.url)
    finally:
        served.close()


def test_a_token_is_asked_for_once(runs: Path, page: Page) -> None:
    served = Served(runs, token="sesame")
    try:
        page.open(served.url + "/?token=sesame")
        page.wait(PAGES["runs"][1])
        assert page.evaluate("location.search") == ""
        page.wait("document.getElementById('live').textContent === 'live'")
        page.wait(LOADED)
        page.open(served.url + "/runs/alpha/")
        page.wait(DRAWN + "4")
        page.assert_clean(served.url)
    finally:
        served.close()


def test_the_export_needs_no_server(runs: Path, browser: Browser, page: Page, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    count = export(runs, out, paintings=2)
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) == count
    assert not [
        path
        for path in files
        if path.suffix == ".html" and "data-live=" in path.read_text() and "live.js" in path.read_text()
    ]
    origin = out.as_uri()
    sheet = "runs/alpha/sheets/00000000"
    for path, ready in {
        "index.html": PAGES["runs"][1],
        "runs/alpha/index.html": DRAWN + "4",
        f"{sheet}/index.html": "document.querySelectorAll('.map a').length === 2",
        f"{sheet}/1/index.html": PAGES["theatre"][1],
        "populations/people/index.html": DRAWN + "1",
        "populations/people/samples/index.html": PAGES["samples"][1],
        "populations/people/audit/1/index.html": DRAWN + "1",
    }.items():
        page.open(f"{origin}/{path}")
        page.wait(ready)
        page.wait(LOADED)
    page.click("nav a")
    page.wait("document.readyState === 'complete' && document.title.startsWith('Runs')")
    page.assert_clean(origin)
    links = set(page.evaluate("[...document.querySelectorAll('a[href]')].map((each) => each.href.split('#')[0])"))
    assert len(links) >= 5
    for link in links:
        assert Path(link.removeprefix("file://").replace("%20", " ")).is_file(), link


def test_the_theatre_of_a_painting_is_played_by_keys(page: Page, tmp_path: Path) -> None:
    make_painting(tmp_path / "a.json")
    make_painting(tmp_path / "b.json", 20)
    served = Served(tmp_path)
    try:
        page.open(f"{served.url}/paintings/a/#s2")
        where = "document.getElementById('where').textContent"
        page.wait(f"{where} === '2 / 60'")
        page.wait("document.getElementById('painting').getContext('2d').getImageData(9, 9, 1, 1).data[3] > 0", "frames")
        for key, drawn in (("p", 4), ("w", 2), ("p", 0)):  # a path of windows, one of strokes, each with its shade
            page.press(key)
            page.wait(f"document.querySelectorAll('#drawing path').length === {drawn}")
        page.press("ArrowRight")
        page.wait(f"{where} !== '2 / 60'")
        page.press("Home")
        page.press(" ")
        page.wait("document.getElementById('play').getAttribute('aria-pressed') === 'true'")
        page.press("End")
        page.wait(f"{where} === '60 / 60' && location.hash === '#s60'")
        page.press("]")
        page.wait(f"{where} === '20 / 20'")
        page.size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.assert_clean(served.url)
    finally:
        served.close()

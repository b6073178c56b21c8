"""Pages without a browser: all that there is, all that may be missing, and a lot of it."""

from __future__ import annotations

import gc
import html
import json
import os
import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cluster import cli
from cluster.dashboard.export import export
from cluster.dashboard.pages.charts import chart_data
from cluster.dashboard.pages.theatre import acts
from cluster.dashboard.readers.library import Entry
from cluster.dashboard.readers.site import Site
from cluster.dashboard.server import make_app
from cluster.painter.recordings import Recording, RecordingDamaged, paint_again
from tests.cluster.dashboard.client import Client
from tests.cluster.dashboard.made_population import MadePopulation
from tests.cluster.dashboard.made_up import make_run, make_sheet, metrics_row, settings

SLOW = 1.0
"""CPU-seconds that a page may take: neighbors on the machine do not count."""


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
    parser = Balanced()
    parser.feed(text)
    assert parser.stack == []
    assert len(parser.ids) == len(set(parser.ids))
    return text


def page(root: Path, path: str, status: int = 200) -> str:
    answer = Client(make_app(root)).get(path)
    assert answer.status_code == status, path
    return well_formed(answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/runs/alpha/",
        "/runs/group~with%20space/",
        "/runs/alpha/sheets/00000000/",
        "/runs/alpha/sheets/00000000/3/",
        "/populations/people/",
        "/populations/people/samples/",
        "/populations/people/drift/",
        "/populations/people/audit/",
        "/populations/people/audit/2/",
        "/populations/people/events/",
        "/runs/people~members~00/",
        "/compare/",
        "/compare/?run=alpha",
        "/compare/?run=alpha&run=finished&run=people~members~00",
    ],
)
def test_pages_are_well_formed(runs: Path, path: str) -> None:
    assert "</html>" in page(runs, path)


@pytest.mark.parametrize(
    "path",
    [
        "/runs/none/",
        "/runs/people/",
        "/populations/alpha/",
        "/runs/alpha/sheets/none/",
        "/runs/alpha/sheets/00000000/40/",
        "/populations/people/audit/99/",
        "/populations/people/events/99/",
        "/populations/people/samples/1/",
        "/populations/people/none/",
        "/none/",
    ],
)
def test_what_is_not_there_says_so(runs: Path, path: str) -> None:
    assert "Not here" in page(runs, path, 404)


def test_what_the_runs_page_says(runs: Path) -> None:
    os.utime(runs / "alpha" / "metrics.jsonl")  # as if it had just written
    text = page(runs, "/")
    assert f"impasto resume {runs}/alpha<" in text
    assert f"impasto resume {runs}/finished --minutes 30<" in text
    assert f"impasto resume &#39;{runs}/group/with space&#39;" in text
    assert text.count("data-row data-name") == 3  # a population's members are on its page
    states = [text.split(f'data-name="{name}" data-state="')[1].split('"')[0] for name in ("alpha", "finished")]
    assert states == ["training", "finished"]


def test_a_run_that_went_silent_has_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "silent", seconds=10, sheets=1)
    assert 'data-state="training"' in page(tmp_path, "/")
    later = time.time() + 600
    monkeypatch.setattr("time.time", lambda: later)
    assert 'data-state="stopped"' in page(tmp_path, "/")


def test_nothing_yet(tmp_path: Path) -> None:
    assert "No run here yet" in page(tmp_path, "/")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "config.json").write_text(json.dumps(settings().to_json()))
    assert "No contact sheet yet" in page(tmp_path, "/runs/new/")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "config.json").write_text('{"system": ')
    assert "can not be read" in page(tmp_path, "/runs/torn/")
    people = tmp_path / "people"
    (people / "members").mkdir(parents=True)
    (people / "config.json").write_text('{"population": {}, "settings": {}}')
    for tab in ("", "samples/", "drift/", "audit/", "events/"):
        page(tmp_path, f"/populations/people/{tab}")
    assert "No member has been born yet" in page(tmp_path, "/populations/people/")


def test_another_worlds_run_has_its_numbers_and_pictures(tmp_path: Path) -> None:
    run = make_run(tmp_path / "latent", seconds=10, sheets=1)
    (run / "config.json").write_text('{"latent": {"steps": 20}, "system": {"minutes": 5}, "note": "other"}')
    text = page(tmp_path, "/runs/latent/")
    assert "world/unheard_of" in text
    assert "latent" in text
    assert "another world" in page(tmp_path, "/runs/latent/sheets/00000000/")
    page(tmp_path, "/runs/latent/sheets/00000000/0/", 404)


def test_a_latent_run_tells_its_task(tmp_path: Path) -> None:
    run = make_run(tmp_path / "add", seconds=10, sheets=1)
    (run / "config.json").write_text('{"world": {"task": "add:3"}, "system": {"data": "mnist", "seed": 4}}')
    assert "mnist · task add:3 · seed 4" in page(tmp_path, "/")


def test_what_a_comparison_says(tmp_path: Path) -> None:
    make_run(tmp_path / "a", seconds=100)
    run = make_run(tmp_path / "b", seconds=100)
    config = json.loads((run / "config.json").read_text())
    config["policy"]["entropy_cost"] = 0.125
    config["system"]["data"] = "<b>my</b> pictures"
    (run / "config.json").write_text(json.dumps(config))
    text = page(tmp_path, "/compare/?run=a&run=b&run=gone&run=a")
    assert "2 runs compared" in text
    assert "Not there: gone." in text
    told = text[text.index("Settings that differ") : text.index("Curves")]
    assert "policy.entropy_cost" in told
    assert "0.125" in told
    assert "&lt;b&gt;my" in told
    assert "policy.network" not in told  # the same in both
    assert "update" in text[text.index("Best checkpoint") :]
    first = chart_data(Site(tmp_path).run("a").history)["series"]["policy/entropy"]["mean"]
    data = json.loads(re.search(r'id="data" data-live>(.*?)</script>', text)[1])  # type: ignore[index]
    assert [each["name"] for each in data] == ["a", "b"]
    assert data[0]["series"]["policy/entropy"]["mean"] == first
    assert page(tmp_path, "/compare/?run=a&run=b", 200).count("<figure") > 10


def test_frames_that_can_not_be_painted_say_why(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", seconds=10, sheets=1)
    config = json.loads((run / "config.json").read_text())
    config["paint"]["brush"] = "classic/no such brush"
    (run / "config.json").write_text(json.dumps(config))
    answer = Client(make_app(tmp_path)).get("/runs/a/sheets/00000000/0/frames.png")
    assert answer.status_code == 404
    assert "classic/no such brush" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


def test_pictures_that_are_missing_or_torn(tmp_path: Path) -> None:
    people = MadePopulation(tmp_path / "people", members=3, comparisons=2)
    samples = people.folder(0) / "samples"
    first, second = sorted(samples.glob("*.png"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:200])
    second.with_suffix(".npz").write_bytes(b"PK\x03\x04 torn")
    assert "no picture" in page(tmp_path, "/populations/people/samples/")
    sheets = f"/runs/people~members~00/sheets/{second.stem}"
    page(tmp_path, "/runs/people~members~00/")
    assert "can not be read" in page(tmp_path, sheets + "/")
    answer = Client(make_app(tmp_path)).get(sheets + "/wall.png")
    assert answer.status_code == 200
    assert "unreadable" in answer.text
    shutil.rmtree(people.folder(1))
    shutil.rmtree(people.folder(2) / "checkpoints", ignore_errors=True)
    assert "folder missing" in page(tmp_path, "/populations/people/")


def test_thumbnails_are_the_first_paintings(runs: Path) -> None:
    client = Client(make_app(runs))
    sheet = "/runs/alpha/sheets/00000000/"
    for shape, columns, rows in (("film", 4, 2), ("row", 5, 1)):  # this sheet has two rows
        answer = client.get(f"{sheet}{shape}.png")
        (runs.parent / "thumbnail.png").write_bytes(answer.content)
        with Image.open(runs.parent / "thumbnail.png") as picture:
            assert picture.width / picture.height == pytest.approx(columns / rows, rel=0.05)
    assert client.get(f"{sheet}huge.png").status_code == 404
    assert client.get(f"{sheet}image.png").content == (runs / "alpha" / "samples" / "00000000.png").read_bytes()


def test_theatre_frames_are_the_paintings_painted_again(runs: Path, tmp_path: Path) -> None:
    answer = Client(make_app(runs)).get("/runs/alpha/sheets/00000000/3/frames.png")
    (tmp_path / "frames.png").write_bytes(answer.content)
    recording = Recording.load(runs / "alpha" / "samples" / "00000000.npz")
    frames = paint_again(settings(), recording.actions[:, 3:4], 8)[:, 0, :, :, 0]
    assert frames.shape == (6, 512, 512)
    with Image.open(tmp_path / "frames.png") as picture:
        shown = np.asarray(picture)
    assert shown.shape == (512, 6 * 512)
    np.testing.assert_array_equal(shown.reshape(512, 6, 512).transpose(1, 0, 2), frames)


def test_actions_are_decoded_as_they_are_painted() -> None:
    run = settings()
    actions = np.array([[0, 16 * 4 + 8, 0, 0], [16 * 2 + 3, 16 * 15 + 1, 1, 1]], np.int16)  # control, end, flag, size
    move, stroke = acts(run, actions, np.array([0.5, 0.5, 0.75], np.float32))
    assert not move.paints
    assert move.start == (0.0, 0.0)
    assert move.end == stroke.start == (8 / 16, 4 / 16)
    assert stroke.paints
    assert stroke.end == (1 / 16, 15 / 16)
    assert stroke.control == (3 / 16, 2 / 16)
    assert stroke.radius == pytest.approx(2.0)
    assert (stroke.score, stroke.gain) == (0.75, 0.25)
    assert stroke.color == "#000000"


def test_damaged_recordings(tmp_path: Path) -> None:
    make_sheet(tmp_path, "good", settings(), 0, count=3)
    good = Recording.load(tmp_path / "good.npz")
    wrong = Recording(good.actions, good.noise, good.scores[:-1]).save(tmp_path / "wrong.npz")
    np.savez(tmp_path / "pickled.npz", actions=np.array([{}], object), noise=good.noise, scores=good.scores)
    (tmp_path / "text.npz").write_text("no arrays")
    for path in (wrong, tmp_path / "pickled.npz", tmp_path / "text.npz", tmp_path / "none.npz"):
        with pytest.raises(RecordingDamaged, match=path.name):
            Recording.load(path)


def first_looks(root: Path, *paths: str) -> dict[str, tuple[float, str]]:
    """CPU seconds for pages, one after the other, of a server that has read nothing, and the pages: the better of two
    servers, as the first one in a process also compiles templates. What other tests left in memory is kept from the
    garbage collector."""
    gc.collect()
    gc.freeze()
    found: dict[str, tuple[float, str]] = {}
    try:
        for _ in range(2):
            client = Client(make_app(root))
            for path in paths:
                start = time.process_time()
                text = client.get(path).text
                spent = time.process_time() - start
                found[path] = min(spent, found.get(path, (spent, ""))[0]), text
    finally:
        gc.unfreeze()
    return found


def test_ten_thousand_events_in_less_than_a_second(tmp_path: Path) -> None:
    people = MadePopulation(tmp_path / "people", members=4, comparisons=1000, pictures=False, rows=2)
    assert len(people.events) > 9_000
    pages = ("", "events/2/", "drift/")
    for path, (seconds, text) in first_looks(tmp_path, "/", *(f"/populations/people/{page}" for page in pages)).items():
        assert seconds < SLOW, path
        assert len(text) < 4_000_000


def test_a_hundred_thousand_rows_in_less_than_a_second(tmp_path: Path) -> None:
    run = make_run(tmp_path / "long", seconds=2, sheets=1)
    body = json.dumps(metrics_row(1, np.random.default_rng(0)))
    with (run / "metrics.jsonl").open("a") as file:
        for start in range(0, 100_000, 1000):
            file.write(
                "".join(body.replace('"update": 5', f'"update": {n}', 1) + "\n" for n in range(start, start + 1000))
            )
    looks = first_looks(tmp_path, "/", "/runs/long/")
    for path, (seconds, _) in looks.items():
        assert seconds < SLOW, path
    text = looks["/runs/long/"][1]
    assert "curves show every" in text
    assert len(text) < 600_000


def test_live_updates_tell_when_a_page_changed(runs: Path) -> None:
    from cluster.dashboard.readers.site import Site

    site = Site(runs)
    pages = ("", "runs/alpha/", "runs/alpha/sheets/00000000/", "populations/people/events/")
    before = {each: site.fingerprint(each) for each in pages}
    assert before == {each: site.fingerprint(each) for each in pages}
    lineage = runs / "people" / "lineage.jsonl"
    with lineage.open("a") as file:
        file.write("\n")
    after = {each: site.fingerprint(each) for each in pages}
    assert [each for each in pages if before[each] != after[each]] == ["", "populations/people/events/"]


def test_export_refuses_to_overwrite(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "something").write_text("mine")
    assert cli.main(["export", str(runs), "--out", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert cli.main(["export", str(tmp_path / "none")]) == 2
    assert cli.main(["export", str(runs), "--paintings=-1"]) == 2


def test_an_export_tells_how_far_it_is(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.dashboard.export.REPORT_SECONDS", 0.0)
    lines: list[str] = []
    count = export(runs, tmp_path / "out", 0, lines.append)
    assert len(lines) == count
    assert lines[-1] == f"{count} files, 0 to go"


def test_folders_and_pipes_that_can_not_be_read_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "good")
    make_run(tmp_path / "closed")
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "config.json")
    is_file = Path.is_file

    def refuse(path: Path) -> bool:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)
    answer = Client(make_app(tmp_path)).get("/")
    assert answer.status_code == 200
    assert "good" in answer.text
    assert "runs/closed" not in answer.text
    assert f"Not readable by this dashboard's user, so not shown: <code>{tmp_path / 'closed'}</code>." in answer.text


def test_a_run_whose_name_is_no_text_is_shown(tmp_path: Path) -> None:
    made = make_run(tmp_path / "good")
    os.rename(os.fsencode(made), os.fsencode(tmp_path) + b"/b\xe4d \xc3\xbcber & <x>")
    answer = Client(make_app(tmp_path)).get("/")
    assert answer.status_code == 200
    (link,) = set(re.findall(r'href="(runs/[^/"]*/)"', answer.text))
    assert Client(make_app(tmp_path)).get("/" + html.unescape(link)).status_code == 200


def test_thousands_of_runs_are_scanned_once_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cluster.dashboard.pages.run_pages import runs_page

    for number in range(5):
        make_run(tmp_path / str(number), seconds=2, sheets=1)
    monkeypatch.setattr("cluster.dashboard.readers.site.SCAN_LASTS", 0.0)  # as if each took longer than that
    site, scans = Site(tmp_path), 0
    entries = site.library.entries

    def counted() -> list[Entry]:
        nonlocal scans
        scans += 1
        return entries()

    monkeypatch.setattr(site.library, "entries", counted)
    assert len(runs_page(site)["rows"]) == 5
    assert scans <= 3, "not one for each run"

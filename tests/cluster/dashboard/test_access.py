"""Who may look, and at what: tokens, addresses, traversal, symbolic links."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from h11 import LocalProtocolError
from starlette.types import Message

from cluster import cli
from cluster.dashboard.access import COOKIE, is_loopback, secured
from cluster.dashboard.server import make_app
from tests.cluster.dashboard.client import Client
from tests.cluster.dashboard.made_up import make_run

ROUTES = (
    "/",
    "/live",
    "/static/style.css",
    "/static/plotly.min.js",
    "/static/nothing.js",
    "/runs/alpha/",
    "/runs/alpha/sheets/00000000/",
    "/runs/alpha/sheets/00000000/image.png",
    "/runs/alpha/sheets/00000000/film.png",
    "/runs/alpha/sheets/00000000/0/",
    "/runs/alpha/sheets/00000000/0/frames.png",
    "/populations/people/",
    "/populations/people/events/",
    "/populations/people/audit/1/",
    "/no/such/page",
)


def client(root: Path, token: str = "", address: str = "http://127.0.0.1:8300") -> Client:
    return Client(make_app(root, token), address)


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_wants_the_token(runs: Path, route: str) -> None:
    guarded = client(runs, "sesame", "http://somewhere.example")
    for answer in (
        guarded.get(route),
        guarded.get(route + "?token=wrong"),
        guarded.get(route, headers={"Authorization": "Bearer wrong"}),
        guarded.get(route, headers={"Cookie": f"{COOKIE}=sesame"}),
        guarded.get(route, method="HEAD"),
    ):
        assert answer.status_code == 401
        assert len(answer.content) < 100
    assert guarded.get(route, method="POST").status_code == 405


def test_a_token_in_the_address_becomes_a_cookie(runs: Path) -> None:
    guarded = client(runs, "ses ame&x", "http://somewhere.example")
    answer = guarded.get("/runs/alpha/?token=ses%20ame%26x&x=minutes")
    assert answer.status_code == 303
    assert answer.headers["location"] == "./?x=minutes"
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "samesite=lax" in answer.headers["set-cookie"].lower()
    assert "ses" not in answer.headers["set-cookie"].split(";")[0].split("=")[1][:3]
    cookie = answer.headers["set-cookie"].split(";")[0]
    assert guarded.get("/runs/alpha/", headers={"Cookie": cookie}).status_code == 200
    bearer = client(runs, "sesame").get("/", headers={"Authorization": "Bearer sesame"})
    assert bearer.status_code == 200


@pytest.mark.parametrize(
    ("address", "forwarded", "secure"),
    [
        ("https://somewhere.example", {}, True),
        ("http://somewhere.example", {"X-Forwarded-Proto": "https, http"}, True),
        ("http://somewhere.example", {"X-Forwarded-Proto": "http"}, False),
        ("http://somewhere.example", {}, False),
    ],
)
def test_the_cookie_is_secure_behind_https(runs: Path, address: str, forwarded: dict[str, str], secure: bool) -> None:
    answer = client(runs, "sesame", address).get("/?token=sesame", headers=forwarded)
    assert ("secure" in answer.headers["set-cookie"].lower().split("; ")) == secure


@pytest.mark.parametrize(("host", "warns"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_a_token_by_plain_http_is_warned_of(
    runs: Path, host: str, warns: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cluster.cli.dashboard.serve", lambda *_: None)
    assert cli.main(["dashboard", str(runs), "--host", host, "--port", "0", "--token", "sesame"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == warns
    assert not warns or (lines[0].startswith("impasto: warning: the token") and "sesame" not in lines[0])


def test_a_redirect_stays_on_this_site(runs: Path) -> None:
    for path in ("//evil.example/", "/%2f%2fevil.example", "/a/https:evil.example"):
        answer = client(runs, "sesame").get(path + "?token=sesame")
        assert answer.headers["location"].startswith("./")


@pytest.mark.parametrize("host", ["localhost:8300", "127.0.0.1", "127.8.9.1:80", "[::1]:8300"])
def test_loopback_names_need_no_token(runs: Path, host: str) -> None:
    assert client(runs).get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8300", "127.0.0.1.evil.example", "", "10.0.0.1"])
def test_other_names_are_turned_away(runs: Path, host: str) -> None:
    assert client(runs).get("/", headers={"Host": host}).status_code == 421


def test_browsers_are_told_to_load_nothing_from_elsewhere(runs: Path) -> None:
    for route in ("/", "/static/style.css", "/nothing/"):
        headers = client(runs).get(route).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "route",
    [
        "/runs/../alpha/",
        "/runs/%2e%2e/",
        "/runs/..~secret/",
        "/runs/%2fetc/",
        "/runs/alpha/sheets/..%2f..%2fconfig/image.png",
        "/runs/alpha/sheets/..~..~config/image.png",
        "/runs/alpha/sheets/%00/image.png",
        "/static/..%2fserver.py",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/runs/secret/",
        "/runs/inner~secret/",
        "/runs/open/sheets/passwd/image.png",
        "/runs/open/sheets/outside~sheet/image.png",
    ],
)
def test_nothing_outside_is_read(tmp_path: Path, route: str) -> None:
    root = tmp_path / "runs"
    make_run(root / "open", seconds=3, sheets=1)
    make_run(root / "alpha", seconds=3, sheets=1)
    outside = make_run(tmp_path / "secret", seconds=3, sheets=1)
    (outside / "samples" / "00000000.png").rename(outside / "samples" / "sheet.png")
    (root / "secret").symlink_to(outside)
    (root / "inner").mkdir()
    (root / "inner" / "secret").symlink_to(outside)
    (root / "open" / "samples" / "passwd.png").symlink_to(outside / "samples" / "sheet.png")
    (root / "open" / "samples" / "outside").symlink_to(outside / "samples")
    answer = client(root).get(route)
    assert answer.status_code == 404


def test_files_that_lead_out_are_not_read(tmp_path: Path) -> None:
    """A run whose own files are links to the outside shows nothing of them."""
    root = tmp_path / "runs"
    run = make_run(root / "linked", seconds=3, sheets=1)
    secret = tmp_path / "secret.jsonl"
    secret.write_text('{"update": 1, "secret/number": 4711.0, "note": "classified"}\n')
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").symlink_to(secret)
    recording = tmp_path / "recording.npz"
    os.replace(run / "samples" / "00000000.npz", recording)
    (run / "samples" / "00000000.npz").symlink_to(recording)
    text = client(root).get("/runs/linked/").text
    assert "4711" not in text
    assert "secret/number" not in text
    assert client(root).get("/runs/linked/sheets/00000000/0/").status_code == 404


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    make_run(tmp_path / "real" / "alpha", seconds=3, sheets=1)
    (tmp_path / "runs").symlink_to(tmp_path / "real")
    assert client(tmp_path / "runs").get("/runs/alpha/").status_code == 200


def test_loopback_addresses() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org", "")))


def test_another_address_needs_a_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMPASTO_DASHBOARD_TOKEN", raising=False)
    assert cli.main(["dashboard", str(tmp_path), "--host", "0.0.0.0"]) == 2
    assert "give --token a secret" in capsys.readouterr().err
    assert cli.main(["dashboard", str(tmp_path / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err


def test_an_answer_that_nobody_waits_for_any_more_is_dropped() -> None:
    """As uvicorn does not: what came after the request was no HTTP, and it has closed the connection."""
    asked: list[str] = []

    async def closed(message: Message) -> None:
        asked.append(message["type"])
        raise LocalProtocolError("can't handle event type Response when role=SERVER and state=MUST_CLOSE")

    asyncio.run(secured(closed)({"type": "http.response.start", "status": 405, "headers": []}))  # type: ignore[arg-type]
    assert asked == ["http.response.start"]

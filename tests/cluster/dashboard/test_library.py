"""Folders that are no runs, can not be read, or have names that are no text."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

import pytest

from cluster.dashboard.server import make_app
from tests.cluster.dashboard.client import Client
from tests.cluster.dashboard.made_up import make_run


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

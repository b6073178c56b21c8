"""The dashboard as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import cli
from cluster.dashboard.export import export


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

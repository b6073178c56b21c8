"""Commands of the dashboard: dashboard, export."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cluster.cli.parse import parse
from cluster.errors import UserError


@dataclass(frozen=True)
class DashboardOptions:
    """Show runs and populations in a browser. Reads their folders only: no Ray has to be alive.

    Attributes:
        runs: the folder that holds the runs, or one run, or one population.
        host: address to listen on. Any but a loopback address needs a token.
        port: port to listen on; 0 takes a free one.
        token: what a browser must bring, once, as ``?token=...``; $IMPASTO_DASHBOARD_TOKEN if not given.
    """

    runs: Annotated[str, tyro.conf.Positional] = "runs"
    host: str = "127.0.0.1"
    port: int = 8300
    token: str = ""


@dataclass(frozen=True)
class ExportOptions:
    """Write the same pages as files, to be opened without a server.

    Attributes:
        runs: the folder that holds the runs, or one run, or one population.
        out: folder for the pages; a new one.
        paintings: paintings of each sheet that get a stroke theatre; each costs about 50 kB.
    """

    runs: Annotated[str, tyro.conf.Positional]
    out: str = "dashboard-export"
    paintings: int = 4


def dashboard(arguments: Sequence[str]) -> int:
    """``impasto dashboard``."""
    from cluster.dashboard.access import is_loopback
    from cluster.dashboard.server import bind, serve

    chosen = parse(DashboardOptions, arguments, "dashboard")
    token = chosen.token or os.environ.get("IMPASTO_DASHBOARD_TOKEN", "")
    if not is_loopback(chosen.host) and not token:
        raise UserError(f"dashboard: --host {chosen.host} can be reached from other machines: give --token a secret")
    if not Path(chosen.runs).is_dir():
        raise UserError(f"dashboard: {chosen.runs} is not a folder: give the folder that holds the runs")
    with bind(chosen.host, chosen.port) as socket:
        address, port = socket.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        print(f"http://{shown}:{port}/" + ("   (append ?token=...)" if token else ""), flush=True)
        serve(Path(chosen.runs), socket, token)
    return 0


def export(arguments: Sequence[str]) -> int:
    """``impasto export``."""
    from cluster.dashboard.export import export as write

    chosen = parse(ExportOptions, arguments, "export")
    if chosen.paintings < 0:
        raise UserError(f"export: paintings: expected 0 or more, got {chosen.paintings}")
    if not Path(chosen.runs).is_dir():
        raise UserError(f"export: {chosen.runs} is not a folder: give the folder that holds the runs")
    count = write(Path(chosen.runs), Path(chosen.out), chosen.paintings)
    print(f"{count} files: {Path(chosen.out) / 'index.html'}")
    return 0

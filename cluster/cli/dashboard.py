"""Commands of the dashboard: dashboard, export."""

from __future__ import annotations

import sys
from pathlib import Path

from cluster.cli.arguments.tools import Dashboard, Export
from cluster.dashboard.access import is_loopback
from cluster.dashboard.export import export as write
from cluster.dashboard.server import bind, serve
from cluster.errors import UserError


def dashboard(chosen: Dashboard) -> int:
    """Run `impasto dashboard`."""
    if not is_loopback(chosen.host) and not chosen.token:
        raise UserError(f"dashboard: --host {chosen.host} can be reached from other machines: give --token a secret")
    if not Path(chosen.runs).is_dir():
        raise UserError(f"dashboard: {chosen.runs} is not a folder: give the folder that holds the runs")
    with bind(chosen.host, chosen.port) as socket:
        address, port = socket.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        print(f"http://{shown}:{port}/" + ("   (append ?token=...)" if chosen.token else ""), flush=True)
        serve(Path(chosen.runs), socket, chosen.token)
    return 0


def export(chosen: Export) -> int:
    """Run `impasto export`."""
    if not Path(chosen.runs).is_dir():
        raise UserError(f"export: {chosen.runs} is not a folder: give the folder that holds the runs")
    count = write(Path(chosen.runs), Path(chosen.out), chosen.paintings, lambda line: print(line, file=sys.stderr))
    print(f"{count} files: {Path(chosen.out) / 'index.html'}")
    return 0

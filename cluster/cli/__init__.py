"""The command line `impasto` (`python -m cluster` is the same): the only room that knows all kinds of runs.

May import everything. Start reading in `entry.py`; `catalogue.py` lists the commands. Each has its arguments in
`arguments/` and its function in a module here: `train`, `runs`, `population`, `papers`, `jobs`, `dashboard`, `bench`.
"""

from cluster.cli.entry import main

__all__ = ["main"]

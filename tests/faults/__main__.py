"""The campaign: `python -m tests.faults --help`."""

from __future__ import annotations

import argparse
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from tests.faults.lanes import Campaign
from tests.faults.log import FaultLog
from tests.faults.page import write_between


def run(repetitions: int, seed: int, minutes: float, lanes: int, out: Path | None, log: Path | None) -> str:
    """Strike all parts of all systems by all faults, in random order, for as long as there is time.

    The page has the table from the first fault on.
    """
    home = Path(tempfile.mkdtemp(prefix="faults-"))
    name = f"{time.strftime('%Y-%m-%d')}, commit {commit()}, seed {seed}, {lanes} systems at a time"
    print(f"{name}, in {home}", flush=True)
    campaign = Campaign(repetitions, seed, minutes, home, FaultLog(log), name)
    written = 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: campaign.end_soon())
    threads = [threading.Thread(target=campaign.lane, args=(number,)) for number in range(lanes)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(5.0)
        if out and len(campaign.log.rows) > written:
            written = len(campaign.log.rows)
            write_between(out, "faults", campaign.log.text(campaign.kinds))
    return campaign.log.text(campaign.kinds)


def commit() -> str:
    """The short name of the commit that is tested."""
    here = Path(__file__).parent
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True
    ).stdout.strip()


def main() -> None:
    """Read the arguments, run the campaign and write its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the order, the moments and the victims")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no fault after this time")
    parser.add_argument("--lanes", type=int, default=3, help="systems at a time; each takes 2 GiB of memory")
    parser.add_argument("--out", type=Path, help="page whose table is replaced")
    parser.add_argument("--log", type=Path, help="lines of what came of each fault: read first, then added to")
    chosen = parser.parse_args()
    print(run(chosen.repetitions, chosen.seed, chosen.minutes, chosen.lanes, chosen.out, chosen.log))


if __name__ == "__main__":
    main()

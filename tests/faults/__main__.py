"""The campaign: `python -m tests.faults --help`."""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

from tests.faults.lanes import Campaign
from tests.faults.page import write_between


def run(repetitions: int, seed: int, minutes: float, lanes: int, out: Path | None) -> str:
    """Strike all parts of all systems by all faults, in random order, for as long as there is time.

    The page has the table from the first fault on.
    """
    home = Path(tempfile.mkdtemp(prefix="faults-"))
    print(f"seed {seed}, in {home}", flush=True)
    campaign = Campaign(repetitions, seed, minutes, home)
    begin, loads, written = time.time(), [os.getloadavg()[0]], 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: campaign.end_soon())
    threads = [threading.Thread(target=campaign.lane, args=(number,)) for number in range(lanes)]
    for thread in threads:
        thread.start()

    def text() -> str:
        return (
            f"`make faults` with seed {seed}: {campaign.faults} faults in {(time.time() - begin) / 60:.0f} minutes, "
            f"{lanes} systems at a time, on {os.cpu_count()} cores with a load of {sum(loads) / len(loads):.0f} on "
            f"the average. Events of lineage.jsonl lost: {campaign.lost_events} of {campaign.events}. Ends by SIGTERM "
            f"to the process group: {'; '.join(campaign.ends) or 'none yet'}.\n\n{campaign.table()}"
        )

    while any(thread.is_alive() for thread in threads):
        time.sleep(5.0)
        loads.append(os.getloadavg()[0])
        if out and campaign.faults > written:
            written = campaign.faults
            write_between(out, "faults", text())
    if out:
        write_between(out, "faults", text())
    return text()


def main() -> None:
    """Read the arguments, run the campaign and write its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the order, the moments and the victims")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no fault after this time")
    parser.add_argument("--lanes", type=int, default=3, help="systems at a time; each takes 2 GiB of memory")
    parser.add_argument("--out", type=Path, help="page whose table is replaced")
    chosen = parser.parse_args()
    print(run(chosen.repetitions, chosen.seed, chosen.minutes, chosen.lanes, chosen.out))


if __name__ == "__main__":
    main()

"""The campaign: `python -m tests.fuzz --help`."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.faults.page import write_between
from tests.fuzz.campaign import fuzz_all, table


def main() -> int:
    """Read the arguments, run the campaign and write its table. Returns 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=85, help="inputs of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[""], help="kinds whose names contain one of these")
    parser.add_argument("--input", type=int, help="only the input of this number, with what it printed")
    parser.add_argument("--out", type=Path, help="page whose table is replaced")
    chosen = parser.parse_args()
    begin = time.time()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as home:
        numbers = range(chosen.each) if chosen.input is None else [chosen.input]
        counts = fuzz_all(Path(home), chosen.seed, numbers, chosen.only, show=chosen.input is not None)
    total = sum(each.total for each in counts.values())
    faults = sum(each.faults for each in counts.values())
    text = (
        f"`make fuzz` with seed {chosen.seed}: {total} inputs, {faults} faults, in {(time.time() - begin) / 60:.0f} "
        f"minutes on {os.cpu_count()} cores with a load of {os.getloadavg()[2]:.0f}.\n\n{table(counts)}"
    )
    print(text)
    if chosen.out:
        write_between(chosen.out, "fuzz", text)
    return int(faults > 0)


if __name__ == "__main__":
    raise SystemExit(main())

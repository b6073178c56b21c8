"""Makes the recordings in data/: run it only after test_recordings.py has shown equality with the published ones.

python tests/make_recordings.py
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recordings import OWN, Recording

NAMES = ["control", "end", "flag", "pressure", "size", "red", "green", "blue"]
RECORDINGS: list[tuple[str, str, str, list[int], bool]] = [
    ("pen_moves", "classic/pen", "moves", [1, 2, 4, 8], True),
    ("pencil_history", "deevad/2B_pencil", "history", [2, 4, 12], True),
    ("dry_brush_grey", "classic/dry_brush", "moves", [1, 2, 3], False),
    ("smudge_history", "classic/smudge+paint", "history", [2, 4, 12], True),
]


def main() -> None:
    random = np.random.default_rng(20181)
    OWN.mkdir(exist_ok=True)
    for name, brush, mode, sizes, use_color in RECORDINGS:
        names = NAMES if use_color else NAMES[:5]
        levels = {"control": 1024, "end": 1024, "flag": 2, "pressure": 10, "size": len(sizes)}
        actions = np.stack([random.integers(0, levels.get(column, 20), (2, 8)) for column in names], axis=-1)
        channels = 3 if use_color else 1
        meta = {
            "brush": brush,
            "mode": mode,
            "action_names": names,
            "use_color": use_color,
            "canvas_width": 64,
            "grid_width": 32,
            "brush_sizes": sizes,
            "libmypaint": "1.6.0 (Debian 1.6.0-2)",
        }
        arrays: dict[str, NDArray[Any]] = {
            "actions": actions.astype(np.int16),
            "canvases": np.zeros((2, 1, 64, 64, channels), np.uint8),
            "final_fix15": np.zeros((2, 64, 64, 4), np.uint16),
            "meta": np.array(json.dumps(meta)),
        }
        recording = Recording(arrays)
        with recording.painter(1 if recording.history else 2) as painter:
            canvases, arrays["final_fix15"] = recording.replay(painter)
        arrays["canvases"] = canvases[:, -1:]
        np.savez_compressed(OWN / f"{name}.npz", **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()

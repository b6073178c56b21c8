"""A fresh evaluation of a population's winner, by what played no part in choosing it.

The best of several noisy scores is too good on the average (the winner's curse), the more so the more members and
comparisons there were. So the figure to publish comes from other noise, held-out images, and the judge of
`impasto evaluate`, which is another one than ranks.
"""

from __future__ import annotations

import time
from typing import Any

from cluster.painter.evaluate import judge_of_lines, measure_row
from cluster.painter.settings import PainterSettings
from cluster.population.folder import PopulationFolder
from cluster.population.lineage.events import Event
from cluster.population.member_config import own_settings
from cluster.runs import checkpoints


def evaluate_winner(place: PopulationFolder, settings: PainterSettings, standing: Event, count: int) -> dict[str, Any]:
    """Evaluate the member that a comparison has put first.

    Args:
        place: Folder of the population.
        settings: What its members share.
        standing: Of the member, in the comparison.
        count: Paintings, and as many images of the test split (fewer if it has fewer).

    Returns:
        Fields of an `evaluation` event: the standing's own, `judge` (its identity, or None), `episodes`, `sample`,
        `seconds`, and `measures`, the figures of `cluster.painter.evaluate.measure_row`.

    Raises:
        CheckpointDamaged: The checkpoint that was compared is not there, or not whole.
        OSError: The picture can not be written.
    """
    begin = time.perf_counter()
    checkpoint = checkpoints.load(place.path / standing["checkpoint"])
    picture = place.member(standing["member"]) / "samples" / f"evaluation-{checkpoint.update:08d}.png"
    measures = measure_row(own_settings(settings, standing["member"]), checkpoint, picture, count)
    judge = judge_of_lines(settings)
    names = ("member", "branch", "env_steps", "checkpoint", "checkpoint_sha256", "score", "score_error")
    return {name: standing.get(name) for name in names} | {
        "judge": judge.identity if judge else None,
        "episodes": measures.pop("count"),
        "sample": place.relative(picture),
        "measures": measures,
        "seconds": round(time.perf_counter() - begin, 3),
    }

"""A run whose actors search: it trains, publishes, and goes on from its checkpoint."""

from pathlib import Path

import pytest

from cluster import cli
from cluster.metrics.log import read_metrics
from tests.helpers.tiny_run import assert_catalogued, make_images


@pytest.mark.slow
@pytest.mark.parametrize("score", ["pixels", "both"])
def test_a_searching_run_trains_and_resumes(score: str, tmp_path: Path) -> None:
    images, run = make_images(tmp_path / "images"), tmp_path / "run"
    given = (
        f"train {images} --preset search --run {run} --minutes 0.2 --canvases 8 --episode-length 11 --unroll-length 5 "
        f"--canvas-size 32 --observation-size 32 --grid 32 --candidates 6 --variations 2 --imitation-updates 2 "
        f"--imitation-batch 16 --search-score {score} --zoom-episodes 1 --discriminator-width 8"
    )
    assert cli.main(given.split()) == 0
    assert cli.main(["resume", str(run), "--minutes", "0.3"]) == 0
    rows = [row for row in read_metrics(run / "metrics.jsonl") if row.get("policy/imitation_loss") is not None]
    assert rows[-1]["updates"] > 5
    assert rows[-1]["policy/search_gain"] > 0
    assert 0 <= rows[-1]["policy/search_by_policy"] <= 1
    assert_catalogued(rows)
    assert list((run / "samples").glob("*.png"))

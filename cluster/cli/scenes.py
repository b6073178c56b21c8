"""Commands around MuJoCo scenes: mcmc."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.cli.parse import parse
from cluster.errors import UserError


@dataclass(frozen=True)
class Mcmc:
    """Have blocked Metropolis-Hastings infer held-out scenes: the baseline of the agent of ``impasto train scenes``.

    Attributes:
        out: folder for the table (JSON) and the picture.
        count: held-out scenes, 1 to 1000.
        evaluations: likelihoods (pictures) after which to look, ascending, with commas between them.
        variance: of the Gaussian likelihood of a pixel in [0, 1]. Smaller is greedier.
        seed: of the chains.
        json: print JSON instead of a table.
    """

    out: str = "runs/mcmc"
    count: int = 100
    evaluations: str = "10,100,1000,5000"
    variance: float = 0.25
    seed: int = 0
    json: bool = False


def mcmc(arguments: Sequence[str]) -> int:
    """``impasto mcmc``."""
    chosen = parse(Mcmc, arguments, "mcmc")
    try:
        evaluations = [int(part) for part in chosen.evaluations.split(",")]
    except ValueError:
        raise UserError(
            f"--evaluations: expected numbers with commas between them, such as 10,100, got {chosen.evaluations!r}"
        ) from None
    if not 1 <= chosen.count <= 1000:
        raise UserError(f"--count: expected 1 to 1000 scenes, got {chosen.count}")
    if not chosen.variance > 0:
        raise UserError(f"--variance: expected more than 0, got {chosen.variance}")
    from cluster.painter.evaluate_scenes import run_metropolis, table

    result = run_metropolis(
        Path(chosen.out), count=chosen.count, evaluations=evaluations, variance=chosen.variance, seed=chosen.seed
    )
    print(json.dumps(result) if chosen.json else table(result))
    return 0

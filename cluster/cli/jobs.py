"""Commands for clusters: submit, scale."""

from __future__ import annotations

import sys

from cluster.cli import job_submission
from cluster.cli.arguments.tools import Scale, Submit
from cluster.training.scale import scale as order


def submit(chosen: Submit) -> int:
    """Run `impasto submit`."""
    return job_submission.submit(
        chosen.command,
        address=chosen.address,
        driver_on_workers=chosen.driver_on_workers,
        driver_gpus=chosen.driver_gpus,
        megabytes=chosen.megabytes,
        stop_seconds=chosen.stop_seconds,
        follow=not chosen.detach,
        output=sys.stdout,
    )


def scale(chosen: Scale) -> int:
    """Run `impasto scale`."""
    print(order(chosen.run, chosen.actors, chosen.address, chosen.seconds))
    return 0

"""Writer of a run's checkpoints: after an interval, and the last one, also on a disk that is full."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

from cluster.errors import UserError
from cluster.replay.buffer import ReplayUnavailable
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from cluster.runs.remote import Mirror
from cluster.training.algorithm import RunAlgorithm
from cluster.training.full_disk import DiskPatience


class CheckpointWriter:
    """Writes checkpoints of an algorithm into a run's folder.

    Attributes:
        last: Path of the newest checkpoint written here; None before the first.
        measured: Update and score of the last evaluation; a checkpoint of the same update gets the score.
        mirror: Copies the folder to shared storage, if it has a place there.
    """

    def __init__(self, folder: RunFolder, keep: int, disk: DiskPatience, mirror: Mirror | None) -> None:
        self.folder, self.keep, self.disk, self.mirror = folder, keep, disk, mirror
        self.last: Path | None = None
        self.measured: tuple[int, float | None] = (-1, None)

    def save(self, algorithm: RunAlgorithm, *, replay: bool = True) -> Path:
        """Write a checkpoint, with the replay's records or without, and return its path."""
        checkpoint = algorithm.make_checkpoint(replay=replay)
        update, score = self.measured
        checkpoint = dataclasses.replace(checkpoint, score=score if update == checkpoint.update else None)
        self.last = checkpoints.save(self.folder.checkpoints, checkpoint, keep_last=self.keep)
        if self.mirror is not None:
            self.mirror.request()
        return self.last

    def try_save(self, algorithm: RunAlgorithm, *, replay: bool = True) -> bool:
        """Write a checkpoint, unless the disk is full; returns True if it was written."""
        return self.disk.tried("checkpoint", lambda: self.save(algorithm, replay=replay))

    def save_last(self, algorithm: RunAlgorithm, seconds: float, lost_replay: str = "") -> None:
        """Write the last checkpoint, again and again if the disk is full.

        Args:
            algorithm: Its end is at hand.
            seconds: Time that is left.
            lost_replay: Reason to leave out the replay's records; empty to write them.

        Raises:
            UserError: It could not be written as long as there was time.
        """
        deadline = time.monotonic() + seconds
        while True:
            self.disk.again("checkpoint")
            try:
                if self.try_save(algorithm, replay=not lost_replay):
                    break
            except ReplayUnavailable as error:
                if lost_replay:
                    raise
                lost_replay = str(error)
                continue
            if time.monotonic() > deadline:
                raise UserError(f"stopped without a last checkpoint: {self.disk.trouble}; {kept(self.folder)}")
            time.sleep(1.0)
        if lost_replay:
            print(
                f"warning: {lost_replay}; {self.last} holds everything but the replay, which fills again",
                file=sys.stderr,
            )


def kept(folder: RunFolder) -> str:
    """Say which checkpoint there is in a run's folder."""
    path, _ = checkpoints.latest_good(folder.checkpoints)
    return f"the last good checkpoint is {path}" if path else "there is no checkpoint yet"

"""A lease on a run's folder on shared storage: one driver at a time writes there.

pyarrow's file systems have no conditional write, so a claim is a file of its own: `lease/EPOCH-TOKEN`. Storage that
lists what was written (S3, GCS, HDFS and local folders do) shows all claims to everybody, and all agree on the holder:
the smallest token of the highest epoch. Times are the storage's own, read off the files.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cluster.errors import UserError

if TYPE_CHECKING:
    from cluster.runs.remote import RemoteFolder

#: Seconds after its last renewal for which a claim keeps others out.
LEASE_SECONDS = 90.0
SECONDS_BETWEEN_RENEWALS = 15.0
FOLDER = "lease/"


class LeaseLost(RuntimeError):
    """Another driver holds the lease: this one may not write any more."""


def ranked(name: str) -> tuple[int, str]:
    """Return epoch and token of a claim's file name; the name of anything else ranks below all claims."""
    epoch, _, token = name.removeprefix(FOLDER).partition("-")
    return (int(epoch), token) if epoch.isdigit() else (0, token)


class Lease:
    """The right to write to a run's folder on shared storage, for as long as it is renewed.

    Attributes:
        epoch: Number of the claim; each later driver's is higher.
        lost: Whether another driver has taken over.
    """

    def __init__(self, remote: RemoteFolder, epoch: int, token: str) -> None:
        self.remote, self.epoch, self.token = remote, epoch, token
        self.lost = False
        self.given_back = False
        self.renewed_at = time.monotonic()
        self.one_at_a_time = threading.Lock()

    @classmethod
    def claim(cls, remote: RemoteFolder, patience: float = LEASE_SECONDS + SECONDS_BETWEEN_RENEWALS) -> Lease:
        """Claim the folder; waits until the claim of a driver that died is too old.

        Args:
            remote: The folder.
            patience: Seconds to wait for another driver's end.

        Raises:
            UserError: Another driver writes there.
        """
        token = secrets.token_hex(8)
        deadline = time.monotonic() + patience
        while True:
            remote.write(f"{FOLDER}probe-{token}", b"")  # its time is the storage's present
            claims = read_claims(remote)
            now = claims.pop(f"{FOLDER}probe-{token}")
            remote.delete(f"{FOLDER}probe-{token}")
            alive = [name for name, at in claims.items() if ranked(name)[0] and (now - at) < LEASE_SECONDS]
            if not alive:
                break
            if time.monotonic() > deadline:
                raise UserError(f"{remote.uri} is being written by another driver: wait for it or end it")
            time.sleep(min(5.0, max(0.1, patience / 10)))
        epoch = 1 + max((ranked(name)[0] for name in claims), default=0)
        lease = cls(remote, epoch, token)
        try:
            lease.renew()
        except LeaseLost as error:
            remote.delete(lease.name)
            raise UserError(f"{remote.uri}: another driver began to write it at the same moment") from error
        for name in claims:  # of drivers that died
            remote.delete(name)
        return lease

    @classmethod
    @contextlib.contextmanager
    def held(cls, remote: RemoteFolder) -> Iterator[Lease]:
        """Claim the folder, renew the claim in a thread for as long as the block takes, and give it back.

        Raises:
            UserError: Another driver writes there.
        """
        lease = cls.claim(remote)
        ending = threading.Event()

        def renew() -> None:
            while not ending.wait(SECONDS_BETWEEN_RENEWALS / 3):
                # pyarrow raises ValueErrors too, and more. The next renewal tries again; the mirror, which writes to
                # the same storage, comes to know of it too, and says so.
                with contextlib.suppress(Exception):
                    lease.keep()

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield lease
        finally:
            ending.set()
            thread.join(SECONDS_BETWEEN_RENEWALS)
            with contextlib.suppress(Exception):  # the next driver then waits until it is old
                lease.release()

    @property
    def name(self) -> str:
        """Name of the claim's file."""
        return f"{FOLDER}{self.epoch:06d}-{self.token}"

    def keep(self) -> None:
        """Renew the claim if that is due.

        Raises:
            LeaseLost: Another driver holds the lease.
        """
        with self.one_at_a_time:
            due = time.monotonic() - self.renewed_at >= SECONDS_BETWEEN_RENEWALS
            if (self.lost or due) and not self.given_back:
                self.renew()

    def renew(self) -> None:
        """Write the claim again, and see whether it holds.

        Raises:
            LeaseLost: Another driver holds the lease.
        """
        self.check()
        self.remote.write(self.name, b"")
        self.check()
        self.renewed_at = time.monotonic()

    def check(self) -> None:
        """See whether there is a claim that comes before this one.

        Raises:
            LeaseLost: There is; and from now on always.
        """
        mine = (-self.epoch, self.token)
        others = [ranked(name) for name in read_claims(self.remote)]
        self.lost = self.lost or any((-epoch, token) < mine for epoch, token in others if epoch)
        if self.lost:
            raise LeaseLost(f"another driver has taken over {self.remote.uri}: this one writes no more there")

    def release(self) -> None:
        """Give the lease back, so that the next driver need not wait."""
        with self.one_at_a_time:
            if not self.lost and not self.given_back:
                self.remote.delete(self.name)
                self.given_back = True


def read_claims(remote: RemoteFolder) -> dict[str, float]:
    """List the claims on a folder, each with the time at which it was written, in seconds of the storage's clock."""
    files = remote.files(FOLDER.rstrip("/"))
    return {name: info.mtime.timestamp() if info.mtime else 0.0 for name, info in files.items()}

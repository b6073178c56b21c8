"""One driver at a time writes a run on shared storage; the loser stops and removes nothing that is not its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.errors import UserError
from cluster.runs import lease as module
from cluster.runs.lease import FOLDER, Lease, LeaseLost
from cluster.runs.remote import Mirror, RemoteFolder
from tests.helpers.tiny_run import wait_until


@pytest.fixture
def remote(tmp_path: Path) -> RemoteFolder:
    return RemoteFolder(f"file://{tmp_path}/shared")


def make_checkpoint(run: Path, name: str) -> None:
    """Files that look like a checkpoint's."""
    folder = run / "checkpoints" / name
    folder.mkdir(parents=True)
    (folder / "policy.safetensors").write_bytes(b"weights")
    (folder / "manifest.json").write_text("{}")


def test_a_second_driver_waits_and_then_is_refused(remote: RemoteFolder) -> None:
    first = Lease.claim(remote)
    with pytest.raises(UserError, match="is being written by another driver"):
        Lease.claim(remote, patience=0.3)
    assert list(remote.files("lease")) == [first.name], "it leaves nothing"
    first.renew()
    first.release()
    assert Lease.claim(remote, patience=0.0).epoch == 1


def test_the_lease_of_a_driver_that_died_is_taken_over(remote: RemoteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Lease.claim(remote)
    monkeypatch.setattr(module, "LEASE_SECONDS", -1.0)  # all claims are too old
    second = Lease.claim(remote)
    assert second.epoch == first.epoch + 1
    with pytest.raises(LeaseLost, match="another driver has taken over"):
        first.renew()
    assert first.lost
    with pytest.raises(LeaseLost):
        first.keep()
    second.renew()
    first.release()
    assert list(remote.files("lease")) == [second.name]


def test_of_two_claims_at_the_same_moment_one_holds(remote: RemoteFolder) -> None:
    one, two = Lease(remote, 1, "aaaa"), Lease(remote, 1, "bbbb")
    two.renew()
    one.renew()
    with pytest.raises(LeaseLost):
        two.renew()
    one.renew()
    remote.write(f"{FOLDER}something", b"")
    remote.write(f"{FOLDER}0-else", b"")
    one.renew()


def test_two_drivers_do_not_delete_each_others_checkpoints(
    remote: RemoteFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    make_checkpoint(one, "000001-update-10")
    first = Mirror(one, remote, Lease.claim(remote))
    first.attempt()
    monkeypatch.setattr(module, "LEASE_SECONDS", -1.0)  # the first one's network was away for long
    make_checkpoint(two, "000001-update-20")
    second = Mirror(two, remote, Lease.claim(remote))
    second.attempt()
    assert remote.checkpoints() == ["000001-update-10", "000001-update-20"]
    make_checkpoint(one, "000002-update-30")
    first.lease.renewed_at -= 60  # type: ignore[union-attr]
    first.attempt()
    assert first.lost
    with pytest.raises(UserError, match="another driver has taken over"):
        first.close(60)
    assert remote.checkpoints() == ["000001-update-10", "000001-update-20"], "the loser writes no more"
    (two / "checkpoints" / "000001-update-20" / "manifest.json").unlink()
    (two / "checkpoints" / "000001-update-20" / "policy.safetensors").unlink()
    second.close()
    assert remote.checkpoints() == ["000001-update-10"], "its own, which it has pruned, is gone"
    assert not remote.files("lease")


def test_a_copy_that_breaks_off_leaves_the_local_run(
    remote: RemoteFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "run"
    make_checkpoint(local, "000001-update-10")
    remote.write("config.json", b"{}")
    remote.write("checkpoints/000002-update-20/manifest.json", b"{}")

    def broken(*_: object, **__: object) -> None:
        raise OSError("connection lost")

    with monkeypatch.context() as patch:
        patch.setattr("cluster.runs.remote.copy_files", broken)
        with pytest.raises(OSError, match="connection lost"):
            remote.fetch(local)
    assert (local / "checkpoints" / "000001-update-10" / "manifest.json").exists()
    remote.fetch(local)
    assert [path.name for path in (local / "checkpoints").iterdir()] == ["000002-update-20"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "shared"], "nothing is left beside it"


def test_the_last_copy_is_tried_again(remote: RemoteFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    make_checkpoint(run, "000001-update-10")
    mirror = Mirror(run, remote, Lease.claim(remote))
    write, failures = remote.write, [OSError("slow down"), OSError("slow down")]

    def sometimes(relative: str, content: bytes) -> None:
        if failures:
            raise failures.pop()
        write(relative, content)

    monkeypatch.setattr(remote, "write", sometimes)
    mirror.close(60)
    assert remote.checkpoints() == ["000001-update-10"]


def test_a_lease_is_renewed_for_as_long_as_a_start_takes(remote: RemoteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_RENEWALS", 0.3)
    with Lease.held(remote) as lease:
        begin = lease.renewed_at
        wait_until(lambda: lease.renewed_at > begin, 60, "the thread to renew it")
        lease.release()
        lease.renewed_at -= 60
        lease.keep()
        assert not remote.files("lease"), "it is not claimed again once it is given back"


def test_no_error_of_the_storage_ends_the_renewals(remote: RemoteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_RENEWALS", 0.15)
    errors: list[Exception] = [ValueError("an answer that is no XML"), KeyError("mtime"), OSError("no route")]
    with Lease.held(remote) as lease:
        begun = lease.renewed_at
        write = remote.write

        def failing(name: str, data: bytes) -> None:
            if errors:
                raise errors.pop()
            write(name, data)

        monkeypatch.setattr(remote, "write", failing)
        wait_until(lambda: not errors and lease.renewed_at > begun, 60, "the thread to renew it")
    assert not lease.lost

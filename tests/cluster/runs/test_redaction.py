"""No password in files and messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.errors import UserError
from cluster.runs.redaction import without_password
from cluster.runs.remote import RemoteFolder
from tests.helpers.tiny_run import tiny_settings

LOGINS = [
    ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
    ("redis://user:secret@host", "redis://user:***@host"),
    ("rediss://:a@secret@host/1", "rediss://:***@host/1"),
    ("redis://:a/secret?b@host:6379/0", "redis://:***@host:6379/0"),
    ("redis://:a:secret@host", "redis://:***@host"),
    ("redis://host:6379/0?password=secret", "redis://host:6379/0?password=***"),
    (
        "redis://host/0?db=1&password=a@secret&health_check_interval=2",
        "redis://host/0?db=1&password=***&health_check_interval=2",
    ),
    ("redis://:secret@host/0?password=secret", "redis://:***@host/0?password=***"),
    ("unix://:secret@/run/redis.sock", "unix://:***@/run/redis.sock"),
]


@pytest.mark.parametrize(("given", "kept"), LOGINS)
def test_a_password_is_hidden(given: str, kept: str, images: Path) -> None:
    assert without_password(given) == kept
    assert without_password(kept) == kept
    assert "secret" not in str(tiny_settings(images, redis=given).storable())


@pytest.mark.parametrize("url", ["", "redis://host:6379/0", "redis://user@host", "unix:///run/redis.sock?db=1"])
def test_an_address_without_one_stays(url: str) -> None:
    assert without_password(url) == url


def test_shared_storage_takes_no_password_in_its_address() -> None:
    with pytest.raises(UserError, match=r"s3://KEY:\*\*\*@bucket/run: .*AWS_SECRET_ACCESS_KEY") as caught:
        RemoteFolder("s3://KEY:secret@bucket/run")
    assert "secret@" not in str(caught.value)

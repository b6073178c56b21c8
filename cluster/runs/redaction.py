"""Redaction: addresses without their password, for files and messages."""

from __future__ import annotations

import re

#: Replaces a password.
HIDDEN = "***"


def without_password(url: str) -> str:
    """Replace the password in `url` by `HIDDEN`.

    It may stand before the last `@`, whatever characters it has, or in `?password=`. A URL without one is returned
    unchanged.
    """
    url = re.sub(r"([?&]password=)[^&#]*", rf"\g<1>{HIDDEN}", url)
    scheme, found, rest = url.partition("://")
    login, at, host = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}{found}{user}:{HIDDEN}@{host}" if at and colon else url

"""Addresses without the password in them, for files and messages."""

from __future__ import annotations

import re

#: Stands for a password.
HIDDEN = "***"


def without_password(url: str) -> str:
    """``url`` with :data:`HIDDEN` for its password: the one before its last ``@``, whatever characters it has, and the
    one in ``?password=``. A URL without one comes back as it is."""
    url = re.sub(r"([?&]password=)[^&#]*", rf"\g<1>{HIDDEN}", url)
    scheme, found, rest = url.partition("://")
    login, at, host = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}{found}{user}:{HIDDEN}@{host}" if at and colon else url

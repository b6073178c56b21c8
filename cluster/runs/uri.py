"""Addresses of shared storage."""

from __future__ import annotations

import re

#: Seconds for which pyarrow asks a storage that does not answer.
RETRY_SECONDS = 10


def is_uri(text: str) -> bool:
    """Tell an address like `s3://bucket/run` from a path."""
    return re.match(r"[a-z][a-z0-9+.-]+://", text) is not None


def bounded(uri: str) -> str:
    """Return an address by which pyarrow gives up after a while; by itself it asks Google's storage for 15 minutes.

    Examples:
        >>> bounded("gs://bucket/run")
        'gs://bucket/run?retry_limit_seconds=10'
        >>> bounded("s3://bucket/run")
        's3://bucket/run'
    """
    if not uri.startswith(("gs://", "gcs://")) or "retry_limit_seconds=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}retry_limit_seconds={RETRY_SECONDS}"

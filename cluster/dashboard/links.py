"""Links between pages: relative, so that the same HTML works behind any address and as files."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Links:
    """Links from one page.

    Attributes:
        page: the page's path below the root: empty, or ending in a slash.
        static: whether pages are files, to be opened without a server.
        paintings: paintings of a sheet that have a theatre page; the server has one for each.
    """

    page: str
    static: bool = False
    paintings: int | None = None

    def __call__(self, target: str) -> str:
        """The link to `target`, a path below the root; pages end in a slash (the first page is empty)."""
        up = "../" * self.page.count("/")
        if self.static and (not target or target.endswith("/")):
            target += "index.html"
        return (up + quote(target, safe="/~")) or "./"

    def has_theatre(self, place: int) -> bool:
        """Return whether painting `place` of a sheet has a page."""
        return self.paintings is None or place < self.paintings

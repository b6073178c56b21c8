"""Public names of a package that are imported when they are first used, so that a package costs only what is used."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def lazy_names(package: str, homes: dict[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the functions `__getattr__` and `__dir__` of a package (PEP 562).

    Args:
        package: `__name__` of the package.
        homes: for each public name the module inside the package that defines it, for example "networks.build".

    Returns:
        `__getattr__`, which raises AttributeError for other names, and `__dir__`, which lists the public names as well.
    """
    module = importlib.import_module(package)

    def get(name: str) -> Any:
        """Import a public name from its module, and keep it."""
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(module, name, found)
        return found

    def names() -> list[str]:
        """Names for completion: those of the module, and the public ones that were not used yet."""
        return sorted({*vars(module), *homes})

    return get, names

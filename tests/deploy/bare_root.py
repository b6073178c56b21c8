"""A folder to `chroot` into that holds a Python and the C libraries that every Linux has, and nothing else.

No compiler, no libmypaint, no brushes, no GLib, no package manager: the machine of somebody who has only Python.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Libraries that a manylinux wheel may expect of any system, beside the C library, which every program brings.
EVERYWHERE = (
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libz.so.1",
)
#: Libraries and data that such a machine has not, by how their names begin, and programs.
LIBRARIES = ("libmypaint", "mypaint", "libjson-c", "libglib", "libgobject", "libgomp")
PROGRAMS = frozenset({"gcc", "g++", "cc", "c++", "clang", "cmake", "ld", "make", "pkg-config", "apt-get", "dpkg"})


class BareRoot:
    """The folder, and running this Python in it.

    Args:
        path: an empty folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.python = Path(sys.executable).resolve()
        for folder in ("tmp", "dev", "etc"):
            (path / folder).mkdir(parents=True)
        (path / "dev" / "null").touch()
        standard = {Path(sysconfig.get_path(name, vars=base_variables())) for name in ("stdlib", "platstdlib")}
        left = shutil.ignore_patterns("test", "site-packages", "dist-packages", "idlelib", "__pycache__")
        for folder in standard:
            shutil.copytree(folder, self.inside(folder), ignore=left, dirs_exist_ok=True, symlinks=True)
        shutil.copy2(self.python, self.inside(self.python, make=True))
        extensions = [file for folder in standard for file in (folder / "lib-dynload").glob("*.so")]
        for library in sorted({*libraries([self.python, *extensions]), *located(EVERYWHERE)}):
            shutil.copy2(library, self.inside(library, make=True))

    def inside(self, path: Path, *, make: bool = False) -> Path:
        """Where a path of this machine is in the folder."""
        place = self.path / path.relative_to(path.anchor)
        if make:
            place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def run(self, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in there, paths as seen from inside, with an environment of nothing but `variables`."""
        become = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
        command = [*become, "chroot", str(self.path), *map(str, words)]
        surroundings = {"PATH": "/nowhere", "HOME": "/tmp"} | variables
        return subprocess.run(
            [shutil.which(command[0]) or command[0], *command[1:]],
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
        )


def base_variables() -> dict[str, str]:
    """This Python's own folders, without its virtual environment's."""
    names = ("base", "platbase", "installed_base", "installed_platbase")
    return dict(zip(names, (sys.base_prefix, sys.base_exec_prefix) * 2, strict=True))


def libraries(files: Sequence[Path]) -> Iterator[Path]:
    """The shared libraries that programs and extension modules need, the loader among them."""
    said = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    for found in re.finditer(r"(?:=> )?(/\S+) \(0x", said):
        yield Path(found[1])


def located(names: Sequence[str]) -> Iterator[Path]:
    """Libraries by name, from the loader's list."""
    ldconfig = shutil.which("ldconfig") or "/sbin/ldconfig"
    listed = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=True).stdout
    for name in names:
        match = re.search(rf"^\s*{re.escape(name)} \(libc6,[^)]*\) => (/\S+)$", listed, re.MULTILINE)
        assert match, name
        yield Path(match[1])

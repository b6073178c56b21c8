"""The wheels on a machine that has nothing but Python: no libmypaint, no brushes, no compiler, no package manager.

`deploy/wheels.sh` builds them first, from Debian's packages and PyPI's, which takes minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

from tests.deploy.bare_root import LIBRARIES, PROGRAMS, BareRoot
from tests.helpers.shared_data import shared_folder

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("actors", "cluster", "envs", "learners")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="deploy/wheels.sh wants Debian's or Ubuntu's packages"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `deploy/wheels.sh` built for this Python."""
    folder = tmp_path_factory.mktemp("a dist")
    base = Path(sys.executable).resolve()
    command = [ROOT / "deploy" / "wheels.sh", folder]
    ran = subprocess.run(command, env=os.environ | {"PYTHONS": str(base)}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_what_is_built(built: Path) -> None:
    names = sorted(path.name for path in built.iterdir())
    assert [name.partition("-")[0] for name in names] == ["impasto", "impasto", "pymypaint", "pymypaint"]
    assert only(built, "impasto-*.whl").name.endswith("-py3-none-any.whl")
    tags = only(built, "pymypaint-*.whl").name
    assert "manylinux" in tags
    assert ("abi3" in tags) == (sys.version_info >= (3, 12))


def test_the_native_wheel_holds_brushes_with_their_licenses_and_one_library(built: Path) -> None:
    with zipfile.ZipFile(only(built, "pymypaint-*.whl")) as wheel:
        names = [name for name in wheel.namelist() if not name.endswith("/")]
        licenses = {name: wheel.read(f"pymypaint/licenses/{name}.txt").decode() for name in ("json-c", "libmypaint")}
        brushes = wheel.read("pymypaint/licenses/mypaint-brushes.txt").decode()
    for brush_set, least in (("1.0", 177), ("2.0", 196)):
        held = [name for name in names if name.startswith(f"pymypaint/mypaint-data/{brush_set}/brushes/")]
        assert len(held) >= least
        assert all(name.endswith(".myb") for name in held)
    assert "CC0-1.0" in brushes
    assert "ISC" in licenses["libmypaint"]
    assert "Expat" in licenses["json-c"]
    (library,) = [name for name in names if ".so" in name or name.endswith((".a", ".h", ".pc"))]
    assert library.startswith("pymypaint/_core")


def test_the_python_wheel_holds_every_file_of_its_packages(built: Path) -> None:
    """Pages and pictures as well as code: whatever is in the packages' folders is installed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PACKAGES]
    wanted = set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")) - {
        ""
    }
    with zipfile.ZipFile(only(built, "impasto-*.whl")) as wheel:
        held = {name for name in wheel.namelist() if name.split("/")[0] in PACKAGES}
    assert held == {name for name in wanted if (ROOT / name).exists()}


def test_the_command_and_its_pages_are_installed(built: Path, tmp_path: Path) -> None:
    """Beside this environment's dependencies, away from the checkout."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    wheels = [str(path) for path in built.glob("*.whl")]
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", *wheels], check=True)
    site = only(environment, "lib/python3.*/site-packages")
    folders = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(folders))
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    program = [
        "import cluster.dashboard, pymypaint, envs",
        "assert 'environment' in cluster.dashboard.__file__ and 'environment' in pymypaint.__file__",
        "print(pymypaint.find_brush('classic/pen'))",
    ]
    shown = subprocess.run(
        [python, "-c", "\n".join(program)], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert str(environment) in shown.stdout, "the package's own brushes come first"
    runs = tmp_path / "runs"
    runs.mkdir()
    command = [environment / "bin" / "impasto", "export", runs, "--out", tmp_path / "pages"]
    exported = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
    assert exported.returncode == 0, exported.stderr
    assert list((tmp_path / "pages").rglob("*.html"))


def test_recordings_are_painted_with_nothing_but_python(built: Path, tmp_path: Path) -> None:
    """Every recording, pixel for pixel, from a wheel in a root folder without compiler, libmypaint, brushes or GLib."""
    root = BareRoot(tmp_path / "root")
    if root.run(root.python, "-c", "").returncode:
        pytest.skip("chroot is not permitted here")
    subprocess.run([sys.executable, "-m", "venv", root.path / "venv"], check=True)
    outside = root.path / "venv" / "bin" / "python"
    wheel = only(built, "pymypaint-*.whl")
    subprocess.run([outside, "-m", "pip", "install", "--quiet", "--only-binary=:all:", wheel, "pytest"], check=True)
    shutil.copytree(ROOT / "pymypaint" / "tests", root.path / "pymypaint" / "tests")
    (root.path / "pymypaint" / "tests" / "pytest.ini").write_text("[pytest]\nmarkers = slow: as in pyproject.toml\n")
    shared = shared_folder()
    recordings = shared / "golden" if shared else None
    if recordings is not None and recordings.is_dir():
        shutil.copytree(recordings, root.path / "shared" / "golden")

    names = [path.relative_to(root.path).as_posix().lower() for path in root.path.rglob("*")]
    system = {name.rsplit("/", 1)[-1] for name in names if not name.startswith(("venv/", "pymypaint/"))}
    assert not [name for name in system if name in PROGRAMS or name.startswith(LIBRARIES)]
    command = ["/venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=/tmp/report.xml"]
    ran = root.run(
        *command, "-c", "/pymypaint/tests/pytest.ini", "/pymypaint/tests/test_recordings.py", IMPASTO_SHARED="/shared"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    cases = ElementTree.parse(root.path / "tmp" / "report.xml").findall(".//testcase")
    painted = [case.attrib["name"] for case in cases if case.find("skipped") is None]
    published = [name for name in painted if name.startswith("test_paints_what_the_published")]
    assert len(painted) - len(published) == 8, "our own recordings, by one thread and by two"
    assert len(published) == (15 if recordings else 0)
    print(f"{len(published)} recordings of the published environment, {len(painted) - len(published)} of our own")

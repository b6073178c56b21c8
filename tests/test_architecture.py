"""The house's rules: imports go down the layers only, files are short, nothing depends on one machine's paths."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("pymypaint", "envs", "learners", "actors", "cluster")

#: What each layer may import of ours, besides itself; a prefix stands for all modules below it.
ALLOWED: dict[str, tuple[str, ...]] = {
    "pymypaint": (),
    "envs": ("pymypaint",),
    "learners": ("envs.spec", "envs.latent"),
    "actors": (
        "envs",
        "learners.conditioning",
        "learners.memory",
        "learners.networks",
        "learners.precision",
        "learners.settings",
        "learners.trajectory",
        "learners.transitions",
    ),
    "cluster": LAYERS,
}
LONGEST = 350
SOURCE_SUFFIXES = {".py", ".pyi", ".c", ".h", ".cpp", ".hpp", ".toml", ".cmake", ".txt", ".sh"}
GENERATED = {"build", "dist", "__pycache__"}


def folder_of(layer: str) -> Path:
    return ROOT / "pymypaint" / "python" / "pymypaint" if layer == "pymypaint" else ROOT / layer


def sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).parts
        if path.suffix in SOURCE_SUFFIXES and not any(part in GENERATED or part.startswith(".") for part in inner):
            yield path


def imports(code: str, package: tuple[str, ...] = ()) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import anywhere in a file whose package is ``package``; relative ones resolved."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += [node.module] if node.module else []
            yield from ((node.lineno, ".".join([*base, alias.name])) for alias in node.names)


def below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def forbidden(layer: str, name: str) -> bool:
    ours = any(below(name, other) for other in (*LAYERS, "tests"))
    return ours and not any(below(name, prefix) for prefix in (layer, *ALLOWED[layer]))


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_down_the_layers(layer: str) -> None:
    folder = folder_of(layer)
    paths = list(folder.rglob("*.py"))
    assert paths
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in paths
        for line, name in imports(path.read_text(), (layer, *path.relative_to(folder).parent.parts))
        if forbidden(layer, name)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_scan_finds_what_it_should() -> None:
    code = "import actors.rollout\nfrom envs import spec, paint\ndef f():\n    from ..cluster import replay\n"
    found = [name for _, name in imports(code, ("learners", "networks"))]
    assert found == ["actors.rollout", "envs.spec", "envs.paint", "learners.cluster.replay"]
    assert [name for _, name in imports("from . import a\nfrom .b import c", ("learners",))] == [
        "learners.a",
        "learners.b.c",
    ]
    assert forbidden("learners", "envs.paint.PaintConfig")
    assert not forbidden("learners", "envs.spec.ActionSpec")
    assert forbidden("envs", "learners.vtrace")
    assert forbidden("actors", "learners.policy_learner.PolicyLearner")
    assert not forbidden("envs", "envsomething")


def test_painting_worlds_do_without_torch() -> None:
    """Actors may be many; only worlds made of networks should cost them torch."""
    code = "import sys, envs.single, envs.paint, envs.datasets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_modules_are_short() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for layer in LAYERS
        for path in sources(ROOT / layer)
        if path.suffix == ".py"
    }
    assert len(lengths) > 30
    assert not {path: lines for path, lines in lengths.items() if lines >= LONGEST}


def test_no_source_names_a_path_of_one_machine() -> None:
    machine = re.compile(r"(?<![\w.}])/(work|root|home)/\w")
    assert machine.search("open('/" + "work/shared')")
    assert not machine.search("https://host/net" + "work/x ../" + "work/x")
    folders = [*(ROOT / layer for layer in LAYERS), ROOT / "tests"]
    paths = [path for folder in folders for path in sources(folder)] + [*ROOT.glob("*.toml"), *ROOT.glob("Makefile")]
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if machine.search(line)
    ]
    assert not wrong, "\n".join(wrong)

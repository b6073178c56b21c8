"""The house's rules: imports go down the layers only, files are short, nothing depends on one machine's paths."""

import ast
import importlib
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
    "learners": ("envs.latent", "envs.lazy_names", "envs.ranges", "envs.spec"),
    "actors": (
        "envs",
        "learners.conditioning",
        "learners.memory",
        "learners.networks",
        "learners.precision",
        "learners.records",
        "learners.search_settings",
        "learners.settings",
        "learners.trajectory",
        "learners.transitions",
    ),
    "cluster": LAYERS,
}
#: The rooms of `cluster`, floor by floor; a room may import those of lower floors only, and everybody `cluster.errors`.
FLOORS = (
    ("errors",),
    ("metrics", "runs", "evaluation"),
    ("replay",),
    ("training",),
    ("painter", "latent"),
    ("population", "bench"),
    ("dashboard",),
    ("cli",),
)
#: Files of `cluster` that import modules by their names, when they are needed, and why.
IMPORTED_BY_NAME = {
    "cluster/bench/registry.py": "names and help of benchmarks do not wait for torch and Ray",
    "cluster/cli/catalogue.py": "help and typing errors do not wait for torch and Ray",
    "cluster/evaluation/faces.py": "the package that finds faces is optional",
    "cluster/latent/worlds.py": "the package that registers a world is a user's",
    "cluster/replay/server.py": "the package with a Redis binary is optional",
    "cluster/runs/kinds.py": "settings and trainer are those of a run's kind; runs know no kind",
}
LONGEST = 301
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
    names = "envs.single, envs.paint, envs.datasets, actors.sink, learners.settings, cluster.painter.served_config"
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("package", ["actors", "learners"])
def test_packages_export_their_public_names(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_modules_are_short() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for layer in LAYERS
        for path in sources(ROOT / layer)
        if path.suffix == ".py" and "tests" not in path.parts
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


class Module:
    """A file of ours and what it imports of ours: at its top, inside functions, and for types alone."""

    def __init__(self, path: Path, names: set[str]) -> None:
        self.path = path.relative_to(ROOT)
        self.name = dotted(self.path)
        self.top: set[str] = set()
        self.inside: set[str] = set()
        self.typed: set[str] = set()
        self.names = names
        self.visit(ast.parse(path.read_text()), self.top)

    def visit(self, node: ast.AST, found: set[str]) -> None:
        for child in ast.iter_child_nodes(node):
            into = found
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                into = self.inside
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                into = self.typed
            if isinstance(child, ast.Import):
                found |= {alias.name for alias in child.names} & self.names
            elif isinstance(child, ast.ImportFrom) and child.module:
                longer = {f"{child.module}.{alias.name}" for alias in child.names} & self.names
                found |= longer or {child.module} & self.names
            self.visit(child, into)


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    paths = [path for layer in ("envs", "learners", "actors", "cluster") for path in (ROOT / layer).rglob("*.py")]
    names = {dotted(path.relative_to(ROOT)) for path in paths}
    return [Module(path, names) for path in paths]


def room(name: str) -> str:
    return name.split(".")[1]


def floor(name: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if room(name) in rooms)


def test_cluster_has_these_rooms_and_nothing_else() -> None:
    entries = {path.name.removesuffix(".py") for path in (ROOT / "cluster").iterdir() if path.name != "__pycache__"}
    assert entries == {name for rooms in FLOORS for name in rooms} | {"__init__", "__main__"}


def test_imports_between_rooms_go_down(modules: list[Module]) -> None:
    upward = {
        (str(module.path), room(name))
        for module in modules
        if module.name.startswith("cluster.") and module.name != "cluster.__main__"
        for name in module.top | module.inside | module.typed
        if name.startswith("cluster.") and room(name) != room(module.name) and floor(name) >= floor(module.name)
    }
    assert not upward


def test_cluster_is_not_imported_inside_functions_of_cluster(modules: list[Module]) -> None:
    inside = {
        str(module.path)
        for module in modules
        if module.path.parts[0] == "cluster" and any(below(name, "cluster") for name in module.inside)
    }
    assert not inside


def test_modules_are_imported_by_name_with_a_reason_only() -> None:
    """An import by name escapes the checks of this file."""
    paths = (ROOT / "cluster").rglob("*.py")
    by_name = {str(path.relative_to(ROOT)) for path in paths if "import_module(" in path.read_text()}
    assert by_name == IMPORTED_BY_NAME.keys()


def test_no_files_import_each_other_in_a_circle(modules: list[Module]) -> None:
    graph = {module.name: module.top | module.inside for module in modules}
    reached = {name: reachable(name, graph) for name in graph}
    assert not {name for name in graph if name in reached[name]}


def reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = graph[ahead.pop()] - found
        found |= new
        ahead += new
    return found


PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/latent.md",
    "docs/metrics.md",
    "docs/population.md",
)


@pytest.mark.parametrize("page", PAGES)
def test_files_and_names_in_the_documents_exist(page: str) -> None:
    """`path/to/file.py` (`Class.method`) or `path/to/file.py`, `function`: the file is there and defines the name."""
    text = " ".join((ROOT / page).read_text().split())
    mentions = re.findall(r"`((?:\w+/)+[\w.]+\.\w+)`(?:(?: \(|, )`([A-Za-z_]\w*(?:\.\w+)*)`)?", text)
    for name in re.findall(r"`((?:envs|learners|actors|cluster)(?:\.\w+)+)`", text):
        *folders, last = name.split(".")
        if (
            not (ROOT / Path(*folders, last)).with_suffix(".py").is_file()
            and not (ROOT / Path(*folders, last)).is_dir()
        ):
            mentions.append((f"{'/'.join(folders)}.py", last))
    assert mentions
    wrong = []
    for path, name in mentions:
        if not (ROOT / path.split("/")[0]).exists():
            continue  # a file that a command writes
        if not (ROOT / path).is_file():
            wrong.append(f"{path}: no such file")
        elif name and path.endswith(".py"):
            code = (ROOT / path).read_text()
            wrong += [
                f"{path}: no {part}"
                for part in name.split(".")
                if not re.search(rf"(?m)^\s*(?:def|class) {part}\b|^{part}\b.* = ", code)
            ]
    assert not wrong, "\n".join(wrong)


def test_the_quick_tests_touch_every_room() -> None:
    listed = {Path(line) for line in (ROOT / "tests" / "quick.txt").read_text().splitlines()}
    assert all((ROOT / path).is_file() for path in listed)
    rooms = {name for floor in FLOORS[1:] for name in floor}
    folders = {Path("tests", "cluster", name) for name in rooms} | {Path("tests", name) for name in LAYERS[1:-1]}
    assert folders <= {path.parent for path in listed}

"""Pictures of scenes: lit, in color, objects of four types and three sizes; and errors without OpenGL."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.scenes.config import TYPES, SceneConfig
from envs.scenes.opengl import choose_backend
from envs.scenes.rendering import SceneRenderer, shared_renderer
from tests.envs.scenes.needs_opengl import draws

MIDDLE = 8 * 16 + 8


def draw(*objects: tuple[int, ...]) -> NDArray[np.uint8]:
    array = np.array(objects, np.int64).reshape(1, -1, 6)
    return shared_renderer(SceneConfig()).render_all(array, np.array([len(objects)]))[0]


@draws
def test_the_floor_is_even_and_bright() -> None:
    floor = draw()
    assert floor.std((0, 1)).max() < 4
    assert floor.min() > 150


@draws
@pytest.mark.parametrize("kind", range(len(TYPES)))
def test_sizes_differ_and_all_can_be_seen(kind: int) -> None:
    areas = [(draw((kind, MIDDLE, size, 3, 0, 0)) != draw()).any(-1).sum() for size in range(3)]
    assert areas[0] >= 15
    assert areas[1] > 1.3 * areas[0]
    assert areas[2] > 1.3 * areas[1]


@draws
def test_types_differ() -> None:
    pictures = [draw((kind, MIDDLE, 2, 0, 3, 0)) for kind in range(len(TYPES))]
    for one, other in combinations(pictures, 2):
        assert (one != other).any(-1).sum() > 15


@draws
def test_objects_are_lit_from_one_side() -> None:
    sphere = draw((0, MIDDLE, 2, 3, 3, 3))
    rows = np.argwhere((sphere != draw()).any(-1))
    brightness = np.array([int(sphere[y, x].sum()) for y, x in rows])
    assert brightness.max() > 1.5 * brightness.min()


@draws
def test_each_level_of_each_channel_looks_different() -> None:
    for channel in range(3):
        seen = []
        for level in range(4):
            color = [0, 0, 0]
            color[channel] = level
            picture = draw((0, MIDDLE, 2, *color)).astype(int)
            seen.append(picture[(picture != draw()).any(-1)].mean(0))
        steps = np.diff(np.array(seen), axis=0)
        assert (steps[:, channel] > 25).all()
        assert np.abs(np.delete(steps, channel, 1)).max() < 3


@draws
def test_nearer_objects_hide_farther_ones_whatever_the_order() -> None:
    near, far = (0, 9 * 16 + 8, 2, 3, 0, 0), (0, 8 * 16 + 8, 2, 0, 0, 3)
    np.testing.assert_array_equal(draw(near, far), draw(far, near))
    assert (draw(near, far) != draw(near)).any()


@draws
def test_only_changed_scenes_are_drawn() -> None:
    objects = np.zeros((2, 1, 6), np.int64)
    out = np.full((2, 64, 64, 3), 7, np.uint8)
    shared_renderer(SceneConfig()).render_all(objects, np.ones(2, np.int64), out, np.array([False, True]))
    assert (out[0] == 7).all()
    assert not (out[1] == 7).any()


@draws
def test_a_larger_picture_shows_the_same_scene() -> None:
    objects, counts = np.array([[[1, MIDDLE, 2, 3, 0, 0]]]), np.array([1])
    large = SceneRenderer(SceneConfig(scene_size=128)).render_all(objects, counts)[0]
    pooled = large.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(pooled - draw(*objects[0])).mean() < 2


WITHOUT_LIBRARY = """
import ctypes, ctypes.util
real = ctypes.CDLL.__init__
def fail(self, name, *args, **kwargs):
    if name and "{library}" in str(name):
        raise OSError(f"{{name}}: cannot open shared object file")
    real(self, name, *args, **kwargs)
ctypes.CDLL.__init__ = fail
find = ctypes.util.find_library
ctypes.util.find_library = lambda name: None if "{library}" in name else find(name)
from cluster.cli import main
raise SystemExit(main(["bench", "scenes", "--quick"]))
"""


@pytest.mark.parametrize(
    ("backend", "library", "package"), [("osmesa", "OSMesa", "libosmesa6"), ("egl", "EGL", "libegl1")]
)
def test_no_opengl_library_is_one_line_that_says_what_to_install(backend: str, library: str, package: str) -> None:
    pytest.importorskip("mujoco")
    end = subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBRARY.format(library=library)],
        env={"MUJOCO_GL": backend, "PATH": "", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert end.returncode == 2, end.stderr
    (line,) = end.stderr.strip().splitlines()
    assert line.startswith("impasto: scenes can not be drawn: no working OpenGL library for " + backend)
    assert f"apt-get install {package}" in line


def test_no_mujoco_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(ValueError, match="pip install mujoco"):
        SceneRenderer()


def test_the_backend_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "egl")
    assert choose_backend("auto") == "egl"
    assert choose_backend("osmesa") == "osmesa"
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    with pytest.raises(ValueError, match=r"MUJOCO_GL.*'glfw'"):
        choose_backend("auto")


@pytest.mark.parametrize(
    ("name", "value"),
    [("scene_size", 48), ("scene_actions", 0), ("scene_grid", 1), ("object_radii", (0.2,)), ("object_color_levels", 1)],
)
def test_impossible_settings_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        SceneConfig(**{name: value})  # type: ignore[arg-type]

"""Pictures of scenes, by MuJoCo's renderer."""

from __future__ import annotations

import atexit
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.scenes.camera import Camera
from envs.scenes.config import TYPES, SceneConfig
from envs.scenes.opengl import choose_backend, load_mujoco, open_context

WORLD = """
<mujoco>
  <visual>
    <global offwidth="{size}" offheight="{size}"/>
    <quality offsamples="0" shadowsize="0" numslices="12" numstacks="6" numquads="1"/>
    <headlight ambient="0.3 0.3 0.3" diffuse="0.25 0.25 0.25" specular="0 0 0"/>
  </visual>
  <worldbody>
    <light directional="true" castshadow="false" dir="0.5 0.35 -1" diffuse="0.55 0.55 0.55" specular="0 0 0"/>
    <geom type="box" size="4 4 0.01" pos="0 0 -0.01" rgba="0.86 0.85 0.81 1"/>
    <camera name="painter" pos="{position}" xyaxes="{axes}" fovy="{field_of_view}"/>
  </worldbody>
</mujoco>
"""
"""The world: no shadows and no samples besides the pixel's own, which would take 20 times as long; as few facets as
still look round at 64 pixels; the floor as a box, which is two triangles (MuJoCo cuts a plane into a grid)."""
SHAPES = {
    "sphere": ((1.0, 1.0, 1.0), 1.0),
    "box": ((0.8, 0.8, 0.8), 0.8),
    "cylinder": ((0.9, 0.5, 0.0), 0.5),
    "capsule": ((0.62, 0.62, 0.0), 1.24),
}
"""For each type: half extents (or radius and half length) and height of the middle, in units of the object's radius."""
BOX_YAW = np.radians(30.0)


class SceneRenderer:
    """A renderer of scenes of one size, for the thread that made it.

    MuJoCo's simulation takes no part: the objects' shapes are put straight into the list of what is drawn.
    """

    def __init__(self, config: SceneConfig | None = None, most_objects: int = 32) -> None:
        """Open an OpenGL context for scenes of at most `most_objects` objects.

        Raises:
            ValueError: MuJoCo or its OpenGL library is missing; one line that says what to install.
        """
        config = config or SceneConfig()
        self.config = config
        self.most_objects = most_objects
        size = config.scene_size
        backend = choose_backend(config.renderer)
        self.mujoco: Any = load_mujoco(backend)
        self.context: Any = open_context(backend, size, size)
        mujoco, camera = self.mujoco, Camera()
        world = WORLD.format(
            size=size,
            position=" ".join(map(str, camera.position)),
            axes=" ".join(map(str, camera.axes[:2].ravel())),
            field_of_view=camera.field_of_view,
        )
        self.model = mujoco.MjModel.from_xml_string(world)
        data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, data)
        self.drawer = mujoco.MjrContext(self.model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self.drawer)
        self.scene = mujoco.MjvScene(self.model, maxgeom=1 + most_objects)
        view = mujoco.MjvCamera()
        view.type, view.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0
        mujoco.mjv_updateScene(self.model, data, mujoco.MjvOption(), None, view, mujoco.mjtCatBit.mjCAT_ALL, self.scene)
        for effect in ("SHADOW", "REFLECTION", "SKYBOX", "HAZE"):
            self.scene.flags[getattr(mujoco.mjtRndFlag, f"mjRND_{effect}")] = 0
        self.first = int(self.scene.ngeom)
        self.geoms = [self.scene.geoms[self.first + place] for place in range(most_objects)]
        self.rectangle = mujoco.MjrRect(0, 0, size, size)
        self.picture = np.zeros((size, size, 3), np.uint8)
        self.make_tables()

    def make_tables(self) -> None:
        """Make the tables that a geom is set from: shape, extent, place, turn and color by the values of attributes."""
        config, kinds = self.config, self.mujoco.mjtGeom
        self.kinds = [getattr(kinds, f"mjGEOM_{name.upper()}") for name in TYPES]
        radii = np.array(config.object_radii)
        extents = [np.array(SHAPES[name][0]) for name in TYPES]
        self.extents = [[extent * radius for radius in radii] for extent in extents]
        heights = [[SHAPES[name][1] * radius for radius in radii] for name in TYPES]
        self.positions = [[[np.array([x, y, height]) for x, y in config.places] for height in row] for row in heights]
        upright = np.eye(3).ravel()
        cosine, sine = np.cos(BOX_YAW), np.sin(BOX_YAW)
        turned = np.array([cosine, -sine, 0, sine, cosine, 0, 0, 0, 1])
        self.turns = [turned if name == "box" else upright for name in TYPES]
        self.shades = np.linspace(0.0, 1.0, config.object_color_levels)

    def render(self, objects: NDArray[np.integer[Any]], out: NDArray[np.uint8]) -> None:
        """Draw one scene.

        Args:
            objects: integers [n, 6], `envs.scenes.config.ATTRIBUTES` of each object, n up to `most_objects`.
            out: uint8 [H, W, 3], written.
        """
        mujoco, shades = self.mujoco, self.shades
        for geom, (kind, location, size, *color) in zip(self.geoms, objects.tolist(), strict=False):
            mujoco.mjv_initGeom(
                geom,
                self.kinds[kind],
                self.extents[kind][size],
                self.positions[kind][size][location],
                self.turns[kind],
                np.array([shades[color[0]], shades[color[1]], shades[color[2]], 1.0], np.float32),
            )
        self.scene.ngeom = self.first + len(objects)
        mujoco.mjr_render(self.rectangle, self.scene, self.drawer)
        mujoco.mjr_readPixels(self.picture, None, self.rectangle, self.drawer)
        out[:] = self.picture[::-1]  # OpenGL's first row is the lowest

    def render_all(
        self,
        objects: NDArray[np.integer[Any]],
        counts: NDArray[np.integer[Any]],
        out: NDArray[np.uint8] | None = None,
        changed: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.uint8]:
        """Draw N scenes.

        Args:
            objects: integers [N, M, 6]; scene i has the first `counts[i]` of row i.
            counts: integers [N].
            out: uint8 [N, H, W, 3] to write to; a new array if absent.
            changed: bool [N], true for those to draw; the others are left as they are in `out`.

        Returns:
            The pictures, uint8 [N, H, W, 3]: `out` if it was given.
        """
        if out is None:
            out = np.empty((len(objects), *self.config.canvas_shape), np.uint8)
        self.context.make_current()
        for index in range(len(objects)) if changed is None else np.flatnonzero(changed):
            self.render(objects[index, : counts[index]], out[index])
        return out

    def close(self) -> None:
        """Free the OpenGL context."""
        if self.context is not None:
            self.context.make_current()
            self.drawer.free()
            self.context.free()
            self.context = None


_of_this_thread = threading.local()


def shared_renderer(config: SceneConfig) -> SceneRenderer:
    """Renderer of this thread for pictures of this kind: OpenGL contexts cost time, and belong to a thread."""
    renderers: dict[Any, SceneRenderer] = _of_this_thread.__dict__.setdefault("renderers", {})
    key = (config.scene_size, config.scene_grid, config.object_radii, config.object_color_levels, config.renderer)
    most = max(config.scene_actions, 32)
    if key not in renderers or renderers[key].most_objects < most:
        renderers[key] = SceneRenderer(config, most)
        atexit.register(renderers[key].close)  # before Python takes PyOpenGL apart
    return renderers[key]

"""The published environment's painting, step by step in Python on libmypaint's own surface: slow, and the truth.

Nothing of pymypaint is used here: libmypaint is called through ctypes, its tiled surface queues and draws the dabs.
"""

import ctypes
import ctypes.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TILE = 64
WHITE = 1 << 15


class TileRequest(ctypes.Structure):
    _fields_ = (
        ("tx", ctypes.c_int),
        ("ty", ctypes.c_int),
        ("readonly", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
        ("thread_id", ctypes.c_int),
        ("mipmap_level", ctypes.c_int),
    )


TileFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(TileRequest))


def load_library() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("mypaint") or ctypes.util.find_library("mypaint-1.5")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.mypaint_brush_new.restype = ctypes.c_void_p
    for function in ("mypaint_brush_unref", "mypaint_brush_reset", "mypaint_brush_new_stroke"):
        getattr(library, function).argtypes = [ctypes.c_void_p]
    library.mypaint_brush_from_string.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.mypaint_brush_set_base_value.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_float]
    floats = [ctypes.c_float] * 5
    library.mypaint_brush_stroke_to.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *floats, ctypes.c_double]
    return library


def rgb_to_hsv(red: float, green: float, blue: float) -> tuple[float, float, float]:
    value = max(red, green, blue)
    delta = value - min(red, green, blue)
    if delta <= 0.0001:
        return 0.0, 0.0, value
    if red == value:
        hue = (green - blue) / delta
        hue += 6.0 if hue < 0.0 else 0.0
    elif green == value:
        hue = 2.0 + (blue - red) / delta
    else:
        hue = 4.0 + (red - green) / delta
    return hue / 6.0, delta / value, value


class ReferencePainter:
    """One canvas of a multiple of 64 pixels a side, painted as the published environment paints."""

    def __init__(self, library: ctypes.CDLL, brush: Path, size: int) -> None:
        assert size % TILE == 0
        self.library = library
        tiles = size // TILE
        self.tiles = np.full((tiles, tiles, TILE, TILE, 4), WHITE, np.uint16)
        self.nowhere = np.full((TILE, TILE, 4), WHITE, np.uint16)

        def start(_: int, request: "ctypes._Pointer[TileRequest]") -> None:
            tx, ty = request[0].tx, request[0].ty
            inside = 0 <= tx < tiles and 0 <= ty < tiles
            request[0].buffer = (self.tiles[ty, tx] if inside else self.nowhere).ctypes.data

        def end(_: int, request: "ctypes._Pointer[TileRequest]") -> None:
            self.nowhere[...] = WHITE

        self.callbacks = (TileFunction(start), TileFunction(end))
        self.surface = ctypes.create_string_buffer(1024)
        library.mypaint_tiled_surface_init(self.surface, *self.callbacks)
        self.brush = ctypes.c_void_p(library.mypaint_brush_new())
        library.mypaint_brush_from_string(self.brush, brush.read_bytes())
        names = ("radius_logarithmic", "color_h", "color_s", "color_v")
        self.position, self.pressure, self.painting = np.zeros(2), 0.0, False
        self.settings = [library.mypaint_brush_setting_from_cname(name.encode()) for name in names]

    def close(self) -> None:
        self.library.mypaint_brush_unref(self.brush)
        self.library.mypaint_tiled_surface_destroy(self.surface)

    def appearance(self, log_radius: float, color: NDArray[np.float64]) -> None:
        for setting, value in zip(self.settings, (log_radius, *rgb_to_hsv(*color)), strict=True):
            self.library.mypaint_brush_set_base_value(self.brush, setting, value)

    def update(self, y: float, x: float, pressure: float) -> None:
        seconds = float(np.float32(0.1))
        self.library.mypaint_brush_stroke_to(self.brush, self.surface, x, y, pressure, 0.0, 0.0, seconds)

    def move(self, y: float, x: float) -> None:
        self.library.mypaint_brush_reset(self.brush)
        self.library.mypaint_brush_new_stroke(self.brush)
        self.update(y, x, 0.0)
        self.position, self.painting = np.array([y, x]), False

    def reset(self, log_radius: float) -> None:
        self.tiles[...] = WHITE
        self.move(0.0, 0.0)
        self.appearance(log_radius, np.zeros(3))

    def stroke(
        self,
        end: NDArray[np.float64],
        control: NDArray[np.float64],
        pressure: float,
        log_radius: float,
        color: NDArray[np.float64],
        paint: bool,
    ) -> None:
        self.library.mypaint_surface_begin_atomic(self.surface)
        if paint:
            self.appearance(log_radius, color)
            start_pressure = self.pressure if self.painting else pressure
            if not self.painting:
                self.update(self.position[0], self.position[1], start_pressure)
            t = np.linspace(0.0, 1.0, 51)[:, None]
            points = (1 - t) * (1 - t) * self.position + 2 * (1 - t) * t * control + t * t * end
            for i in range(50):
                alpha = (i + 1) / 50
                y, x = points[i + 1]
                self.update(y, x, start_pressure * (1.0 - alpha) + pressure * alpha)
            self.position, self.pressure, self.painting = end, pressure, True
        else:
            self.move(end[0], end[1])
        rectangle = (ctypes.c_int * 4)()
        self.library.mypaint_surface_end_atomic(self.surface, rectangle)

    def canvas_fix15(self) -> NDArray[np.uint16]:
        tiles = len(self.tiles)
        return self.tiles.transpose(0, 2, 1, 3, 4).reshape(tiles * TILE, tiles * TILE, 4).copy()

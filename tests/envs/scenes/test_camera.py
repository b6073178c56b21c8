"""The camera projects points to the pixels that MuJoCo draws them at."""

import numpy as np

from envs.scenes.config import SceneConfig
from envs.scenes.rendering import shared_renderer
from tests.envs.scenes.needs_opengl import draws


@draws
def test_a_location_is_drawn_where_the_spec_says() -> None:
    config = SceneConfig()
    renderer = shared_renderer(config)
    anchors = np.array(config.action_spec.anchors) * config.scene_size
    objects = np.zeros((256, 1, 6), np.int64)
    objects[:, 0, 1], objects[:, 0, 2] = np.arange(256), 1  # spheres of the middle size, as the anchors assume, black
    pictures = renderer.render_all(objects, np.ones(256, np.int64))
    empty = renderer.render_all(objects[:1], np.zeros(1, np.int64))
    for picture, anchor in zip(pictures, anchors, strict=True):
        middle = np.argwhere((picture != empty[0]).any(-1)).mean(0) + 0.5
        np.testing.assert_allclose(middle, anchor, atol=1.0)


def test_rows_go_down_and_columns_to_the_right() -> None:
    anchors = np.array(SceneConfig().action_spec.anchors).reshape(16, 16, 2)
    assert (np.diff(anchors[..., 0], axis=0) > 0.02).all()
    assert (np.diff(anchors[..., 1], axis=1) > 0.02).all()
    assert anchors.min() > 0.02
    assert anchors.max() < 0.98

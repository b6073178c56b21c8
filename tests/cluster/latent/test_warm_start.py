"""What a run takes over from another one."""

import numpy as np

from cluster.latent.warm_start import scored_again
from envs.latent import LatentConfig, LatentRules, LatentVectorEnv
from learners.transitions import TransitionLayout
from tests.helpers.latent_bars import bars, bars_parts

ROWS = 32


def layout_of(rules: LatentRules, features: int, source: int) -> TransitionLayout:
    plain = TransitionLayout.plain(rules.observed, rules.parts.shape.z)
    columns = [column for column in plain.columns if column[0] != "next_observation"]
    told = [("features", "<f4", (features,)), ("source", "<f4", (source,)), ("task", "<i8", ())]
    return TransitionLayout((*columns, *told))


def test_stored_transitions_are_scored_for_the_new_task() -> None:
    data, config = bars(100, 0), LatentConfig(task="add:1")
    world = LatentVectorEnv(ROWS, config, bars_parts(), data.images, data.labels)
    rng = np.random.default_rng(0)
    packed, identities = [], [17, 99]
    for identity in identities:
        observation, _ = world.reset()
        action = rng.uniform(-1, 1, (ROWS, 3)).astype(np.float32)
        _, reward, _, _, info = world.step(action)
        given = {name: info[name] for name in ("features", "source", "task")}
        old = layout_of(world.rules, info["features"].shape[1], info["source"].shape[1])
        columns = given | {"observation": observation, "action": action, "reward": reward}
        packed.append(old.pack(columns | {"discount": np.zeros(ROWS, np.float32)}, identity))

    rules = LatentRules(LatentConfig(task="mul:3,envs.latent.examples.strokes:Thicker"), bars_parts())
    new = layout_of(rules, info["features"].shape[1], info["source"].shape[1])
    found = scored_again(np.stack(packed), old, new, rules, np.random.default_rng(1))

    fresh = [new.identity(block.tobytes()) for block in found]
    assert len({*fresh, *identities}) == 4, "else a learner takes an actor's block for one of these"
    for before, after in zip(packed, found, strict=True):
        was, now = old.unpack(before.tobytes()), new.unpack(after.tobytes())
        for name in ("action", "features", "source", "discount"):
            np.testing.assert_array_equal(was[name], now[name])
        columns = {name: np.ascontiguousarray(now[name]) for name in now.dtype.names}
        task = columns["task"]
        assert set(task) == set(rules.tasks.asked)
        np.testing.assert_allclose(columns["reward"], rules.score(columns["features"], columns["source"], task))
        latent = np.ascontiguousarray(was["observation"][:, :6])
        np.testing.assert_array_equal(columns["observation"], rules.observe(latent, task))
        assert not np.allclose(columns["reward"], was["reward"])

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from envs.latent.features import FeatureLayout, Outcome, Source
from envs.latent.parts import FrozenParts, PartsShape
from envs.latent.scoring import Scorer, Weights, similarity
from envs.latent.tasks import ArithmeticTask, parse_tasks

TINY = PartsShape(
    (8, 8, 1), classes=10, latent=5, z=2, encoder_width=2, decoder_width=8, classifier_width=2, gan_width=8
)


def rows(count: int, seed: int = 0) -> tuple[Outcome, Source]:
    random = torch.Generator().manual_seed(seed)
    draw = lambda *size: torch.rand(*size, generator=random)  # noqa: E731
    probabilities = torch.softmax(3 * draw(count, 10), dim=1)
    outcome = Outcome(probabilities, 4 * draw(count) - 3, 1 + draw(count, 7), draw(count, 5))
    return outcome, Source(torch.arange(count) % 10, 1 + draw(count, 7), draw(count, 5))


@pytest.mark.parametrize(
    ("specification", "targets"),
    [
        ("add:3", [3, 4, 5, 6, 7, 8, 9, 0, 1, 2]),
        ("add:3:clip", [3, 4, 5, 6, 7, 8, 9, 9, 9, 9]),
        ("sub:1", [9, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("sub:1:clip", [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("mul:3", [0, 3, 6, 9, 2, 5, 8, 1, 4, 7]),
        ("mul:3:clip", [0, 3, 6, 9, 9, 9, 9, 9, 9, 9]),
    ],
)
def test_targets(specification: str, targets: list[int]) -> None:
    found = parse_tasks(specification, 10)
    (asked,) = found.asked
    assert found.names[asked] == specification
    assert found.targets[asked].tolist() == targets
    assert len(found.tasks) == 10  # the family comes along


def test_families_and_lists() -> None:
    assert parse_tasks("all", 10).asked.tolist() == list(range(10))
    assert parse_tasks("all:clip", 4).names == tuple(f"add:{k}:clip" for k in range(4))
    both = parse_tasks("add:1, mul:2, add:2", 10)
    assert [both.names[i] for i in both.asked] == ["add:1", "add:2", "mul:2"]
    assert both.encoding.shape == (20, 20)
    with pytest.raises(ValueError, match="not among those that were trained: add:0"):
        both.index("sub:1")


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("add:10", "an operand from 0 to 9"),
        ("add", "an operand from 0 to 9"),
        ("add:-1", "an operand from 0 to 9"),
        ("add:1:2", "an operand from 0 to 9"),
        ("", "unknown task ''"),
        ("div:2", "div can not be imported|unknown task"),
        ("nowhere.py:Task", "can not be imported"),
        ("envs.latent.tasks:Missing", "has no class Missing"),
        ("envs.latent.tasks:ArithmeticTask", "failed"),
        ("envs.latent.parts:PartsShape", "needs `name` and `score"),
    ],
)
def test_bad_specifications_say_what_is_wrong(specification: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_tasks(specification, 10)


def test_classes_are_needed_for_arithmetic_only() -> None:
    with pytest.raises(ValueError, match="needs data with labels"):
        parse_tasks("add:1", 0)
    assert parse_tasks("envs.latent.examples.strokes:Thicker", 0).names == ("thicker",)


def test_a_users_file(tmp_path: Path) -> None:
    path = tmp_path / "my_task.py"
    path.write_text(
        "class Bright:\n    name = 'bright'\n    def score(self, o, s, scorer):\n        return o.realism\n"
    )
    found = parse_tasks(f"{path}:Bright", 10)
    outcome, source = rows(6)
    scorer = Scorer(FrozenParts(TINY), Weights())
    torch.testing.assert_close(found.score(outcome, source, np.zeros(6, np.int64), scorer), outcome.realism)


def test_the_score_of_arithmetic_by_hand() -> None:
    scorer = Scorer(FrozenParts(TINY), Weights(realism=0.1, style=0.0, likeness=0.0))
    outcome, source = rows(20)
    found = ArithmeticTask("add", 1).score(outcome, source, scorer)
    for i in range(20):
        expected = outcome.probabilities[i, (i + 1) % 10] + 0.1 * outcome.realism[i].clamp(-3, 1)
        assert found[i] == pytest.approx(float(expected), rel=1e-5)


def test_a_class_can_not_be_asked_of_data_without_labels() -> None:
    parts = FrozenParts(dataclasses.replace(TINY, classes=0))
    scorer = Scorer(parts, Weights())
    with pytest.raises(ValueError, match="the data have no labels"):
        scorer.shown_as(parts.outcome(torch.zeros(2, TINY.latent)), torch.zeros(2, dtype=torch.int64))


def test_each_row_is_scored_by_its_own_task() -> None:
    tasks = parse_tasks("all", 10)
    scorer = Scorer(FrozenParts(TINY), Weights())
    outcome, source = rows(40)
    numbers = np.random.default_rng(0).integers(0, 10, 40)
    found = tasks.score(outcome, source, numbers, scorer)
    for number in range(10):
        alone = tasks.tasks[number].score(outcome, source, scorer)
        chosen = torch.from_numpy(numbers == number)
        torch.testing.assert_close(found[chosen], alone[chosen])


def test_keeping_the_input_is_best_and_compares_within_classes() -> None:
    parts = FrozenParts(TINY)
    parts.class_style_mean[:, 0] = torch.arange(10.0)  # class k is usually k pixels thick
    scorer = Scorer(parts, Weights(0.0, style=1.0, likeness=1.0))
    _, source = rows(10)
    target = (source.label + 2) % 10
    measures = source.measures.clone()
    measures[:, 0] += target - source.label
    same = Outcome(torch.zeros(10, 10), torch.zeros(10), measures, source.latent)
    torch.testing.assert_close(scorer.kept(same, source, target), torch.full((10,), 2.0))
    other = Outcome(torch.zeros(10, 10), torch.zeros(10), measures + 1, source.latent + 1)
    assert (scorer.kept(other, source, target) < 2).all()
    assert similarity(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]])).item() == pytest.approx(0.75)


def test_relabelling_finds_the_task_that_was_done() -> None:
    rng = np.random.default_rng(0)
    label, shown = rng.integers(0, 10, 200), rng.integers(0, 10, 200)
    tasks = parse_tasks("add:1", 10)
    found = tasks.relabel(shown, label, np.ones(200, np.int64), rng)
    np.testing.assert_array_equal((label + found) % 10, shown)


def test_relabelling_keeps_what_no_task_asks_for_and_draws_among_several() -> None:
    rng = np.random.default_rng(0)
    tasks = parse_tasks("add:1:clip", 10)
    label = np.full(300, 7)
    assert (tasks.relabel(np.full(300, 5), label, np.ones(300, np.int64), rng) == 1).all()
    drawn = tasks.relabel(np.full(300, 9), label, np.ones(300, np.int64), rng)
    assert set(drawn.tolist()) == set(range(2, 10))
    own = parse_tasks("envs.latent.examples.strokes:Thicker", 10)
    assert (own.relabel(label, label, np.zeros(300, np.int64), rng) == 0).all()


def test_features_pack_and_unpack() -> None:
    layout = FeatureLayout(10, 5)
    outcome, source = rows(4)
    packed = layout.pack_outcome(outcome)
    assert packed.shape == (4, layout.features)
    again = layout.unpack_outcome(packed)
    for name in Outcome.__dataclass_fields__:
        torch.testing.assert_close(getattr(again, name), getattr(outcome, name))
    given = layout.unpack_source(layout.pack_source(source))
    assert given.label.tolist() == source.label.tolist()
    torch.testing.assert_close(given.latent, source.latent)
    with pytest.raises(ValueError, match="features: expected"):
        layout.unpack_outcome(packed[:, 1:])


def test_the_examples_reward_what_they_say() -> None:
    scorer = Scorer(FrozenParts(TINY), Weights())
    measures = torch.tensor([[2.0, 50.0, 0.0, 0.0, 4.0, 25.0, 0.0]])
    source = Source(torch.tensor([3]), measures, torch.zeros(1, 5))

    def score(task: str, **changes: float) -> float:
        made = measures.clone()
        for name, value in changes.items():
            made[0, ("thickness", "ink", "x", "y", "xx", "yy", "xy").index(name)] = value
        outcome = Outcome(torch.eye(10)[3:4], torch.zeros(1), made, torch.zeros(1, 5))
        return float(parse_tasks(f"envs.latent.examples.strokes:{task}", 10).tasks[0].score(outcome, source, scorer))

    assert score("Thicker", thickness=3.0) == pytest.approx(2.0)
    assert score("Thicker", thickness=3.0) > score("Thicker", thickness=2.5) > score("Thicker")
    # an upright stroke turned clockwise (y down) leans to the right at the top: x falls as y grows
    turned = {"xx": 4 * 0.9330 + 25 * 0.0670, "yy": 4 * 0.0670 + 25 * 0.9330, "xy": -21 * 0.25}
    assert score("Rotated", **turned) == pytest.approx(2.0, abs=1e-3)
    assert score("Rotated", **turned) > score("Rotated") > score("Rotated", xy=5.25)

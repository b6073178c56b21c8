import dataclasses
import warnings
from pathlib import Path

import pytest
import torch

from cluster.latent import parts_cache as module
from cluster.latent.parts_cache import frozen_parts, parts_identity, parts_path
from envs.latent.parts import FrozenParts
from learners.latent_parts.settings import OF_READERS
from learners.latent_parts.train import GateError, train_on_readers
from tests.helpers.latent_bars import QUICK, bars, train_parts

FAST = dataclasses.replace(QUICK, autoencoder_epochs=1, classifier_epochs=1, gan_updates=3, minimum_class_share=0.0)


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[object]:
    """Grows by one with every training by this function."""
    calls: list[object] = []
    original = getattr(module, name)

    def train(*arguments: object) -> FrozenParts:
        calls.append(arguments)
        parts: FrozenParts = original(*arguments)
        return parts

    monkeypatch.setattr(module, name, train)
    return calls


def test_parts_are_trained_once_for_the_same_settings_and_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers, gans = counted(monkeypatch, "train_readers"), counted(monkeypatch, "train_on_readers")
    data = bars(100, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = (frozen_parts(FAST, data, cache_dir=tmp_path) for _ in range(2))
    assert (len(readers), len(gans)) == (1, 1)
    z = torch.randn(3, 3)
    torch.testing.assert_close(first.generator(z), second.generator(z), rtol=0, atol=0)
    assert second.report == first.report

    frozen_parts(dataclasses.replace(FAST, parts_seed=1), data, cache_dir=tmp_path)
    frozen_parts(FAST, bars(100, 1), cache_dir=tmp_path)
    assert (len(readers), len(gans)) == (3, 3)
    assert len(list((tmp_path / "latent").iterdir())) == 6  # and no temporary file

    parts_path(FAST, data, tmp_path).write_bytes(b"half")
    with pytest.warns(UserWarning, match="is damaged"):
        again = frozen_parts(FAST, data, cache_dir=tmp_path)
    torch.testing.assert_close(again.generator(z), first.generator(z))
    assert (len(readers), len(gans)) == (3, 4)


def test_another_gan_is_put_on_the_same_auto_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = counted(monkeypatch, "train_readers")
    data = bars(100, 0)
    first = frozen_parts(FAST, data, cache_dir=tmp_path)
    wide = dataclasses.replace(FAST, z=5, gan_width=16, adversary="wgan-gp", gan_updates=2)
    second = frozen_parts(wide, data, cache_dir=tmp_path)
    assert len(readers) == 1
    assert second.shape.z == 5
    for name, value in first.state_dict().items():
        if not name.startswith(("generator.", "discriminator.", "realism_")):
            torch.testing.assert_close(second.state_dict()[name], value, rtol=0, atol=0, msg=name)
    alone = train_parts(data, wide)
    assert parts_identity(alone) == parts_identity(second), "the cache's history decides nothing"


def test_the_smallest_gan_is_trained_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings are those that auto-encoder and classifier are kept under."""
    gans = counted(monkeypatch, "train_on_readers")
    monkeypatch.setattr("learners.latent_parts.train.train_gan", lambda *_: None)
    monkeypatch.setattr("learners.latent_parts.train.class_shares", lambda *_: torch.full((4,), 0.25))
    parts = frozen_parts(FAST.of_readers(), bars(100, 0), cache_dir=tmp_path)
    assert len(gans) == 1
    assert "gan" in parts.report["seconds"]  # type: ignore[operator]


def test_parts_know_whether_their_files_were_bright(tmp_path: Path) -> None:
    """The same pixels after that, but other files to translate."""
    data = bars(100, 0)
    for inverted in (True, False):
        parts = frozen_parts(FAST, dataclasses.replace(data, inverted=inverted), cache_dir=tmp_path)
        assert parts.report["inverted"] is inverted


def test_sizes_of_the_gan_are_checked_before_anything_is_trained() -> None:
    for name in ("z", "gan_width", "latent"):
        with pytest.raises(ValueError, match=f"{name}: expected at least 1, got 0"):
            dataclasses.replace(FAST, **{name: 0})


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(FAST)])
def test_every_setting_decides_the_readers_or_concerns_the_gan_alone(name: str) -> None:
    special: dict[str, object] = {"adversary": "wgan-gp", "balance": not FAST.balance}
    value = special.get(name, getattr(FAST, name) / 2 or 0.5 if isinstance(getattr(FAST, name), float) else None)
    other = dataclasses.replace(FAST, **{name: getattr(FAST, name) + 1 if value is None else value})
    assert other != FAST
    assert (other.of_readers() != FAST.of_readers()) == (name in OF_READERS)


def test_the_parts_of_the_first_process_to_finish_are_everyones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bars(100, 0)
    theirs = train_parts(data, dataclasses.replace(FAST, parts_seed=1))

    def slower(*arguments: object) -> FrozenParts:
        theirs.save(parts_path(FAST, data, tmp_path))
        return train_on_readers(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train_on_readers", slower)
    for _ in range(2):
        assert parts_identity(frozen_parts(FAST, data, cache_dir=tmp_path)) == parts_identity(theirs)
    assert len(list((tmp_path / "latent").iterdir())) == 2


def test_a_refused_gan_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = dataclasses.replace(FAST, minimum_class_share=1.0, gan_attempts=1)
    monkeypatch.setattr("learners.latent_parts.train.class_shares", lambda *_: torch.tensor([0.07, 0.3, 0.3, 0.3]))
    with pytest.raises(GateError, match="too little of class 0"):
        frozen_parts(strict, bars(100, 0), cache_dir=tmp_path)
    assert not parts_path(strict, bars(100, 0), tmp_path).exists()

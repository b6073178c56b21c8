import dataclasses
import warnings
from pathlib import Path

import pytest
import torch

from cluster import latent_parts as module
from cluster.latent_parts import frozen_parts, parts_identity, parts_path
from envs.latent.parts import FrozenParts
from learners.latent_parts.train import GateError, train_parts
from tests.latent_bars import CLASSES, QUICK, bars

FAST = dataclasses.replace(QUICK, autoencoder_epochs=1, classifier_epochs=1, gan_updates=3, minimum_class_share=0.0)


def test_parts_are_trained_once_for_the_same_settings_and_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    original = module.train_parts

    def counted(*arguments: object) -> FrozenParts:
        trained.append(arguments)
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train_parts", counted)
    data = bars(100, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = (frozen_parts(FAST, data, cache_dir=tmp_path) for _ in range(2))
    assert len(trained) == 1
    z = torch.randn(3, 3)
    torch.testing.assert_close(first.generator(z), second.generator(z), rtol=0, atol=0)
    assert second.report == first.report

    frozen_parts(dataclasses.replace(FAST, parts_seed=1), data, cache_dir=tmp_path)
    frozen_parts(FAST, bars(100, 1), cache_dir=tmp_path)
    assert len(trained) == 3
    assert len(list((tmp_path / "latent").iterdir())) == 3  # and no temporary file

    parts_path(FAST, data, tmp_path).write_bytes(b"half")
    with pytest.warns(UserWarning, match="holds no frozen parts"):
        again = frozen_parts(FAST, data, cache_dir=tmp_path)
    torch.testing.assert_close(again.generator(z), first.generator(z))
    assert len(trained) == 4


def test_the_parts_of_the_first_process_to_finish_are_everyones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bars(100, 0)
    theirs = train_parts(data.images, data.labels, CLASSES, dataclasses.replace(FAST, parts_seed=1))

    def slower(*arguments: object) -> FrozenParts:
        theirs.save(parts_path(FAST, data, tmp_path))
        return train_parts(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train_parts", slower)
    for _ in range(2):
        assert parts_identity(frozen_parts(FAST, data, cache_dir=tmp_path)) == parts_identity(theirs)
    assert len(list((tmp_path / "latent").iterdir())) == 1


def test_a_refused_gan_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = dataclasses.replace(FAST, minimum_class_share=1.0, gan_attempts=1)
    monkeypatch.setattr("learners.latent_parts.train.class_shares", lambda *_: torch.tensor([0.07, 0.3, 0.3, 0.3]))
    with pytest.raises(GateError, match="too little of class 0"):
        frozen_parts(strict, bars(100, 0), cache_dir=tmp_path)
    assert not list((tmp_path / "latent").iterdir())

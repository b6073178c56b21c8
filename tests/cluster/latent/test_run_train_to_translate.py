"""``impasto train latent``, ``evaluate``, ``translate`` and ``resume`` as a user runs them, on tiny images of bars."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import ray
import torch
from PIL import Image

from cluster import cli
from cluster.latent.assets import LatentAssets
from cluster.latent.parts_cache import PARTS as PARTS_FILE
from cluster.latent.parts_cache import frozen_parts, parts_identity, parts_of_run
from cluster.latent.settings import LatentSettings
from cluster.latent.trainer import LatentTrainer
from cluster.metrics.log import read_metrics
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from cluster.runs.stored_settings import read_settings
from envs.latent import FrozenParts, LatentConfig
from tests.cluster.latent.bars_run import PARTS, options, write_bars
from tests.helpers.latent_bars import CLASSES, SIDE
from tests.helpers.tiny_run import assert_catalogued, end, launch, wait_until


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bars(tmp_path_factory.mktemp("bars"))


@pytest.fixture(scope="module")
def run(data: Path, private_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of five seconds of training."""
    folder = tmp_path_factory.mktemp("latent")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPASTO_CACHE", str(folder / "cache"))
        patch.setattr(ray, "shutdown", lambda: None)  # it is everyone's in this process
        assert cli.main(options(data, folder / "run", task="add:1", minutes=5 / 60)) == 0
        yield folder / "run"


def test_a_run_records_what_it_did(run: Path) -> None:
    settings = LatentSettings.from_json(json.loads((run / "config.json").read_text()))
    assert settings.kind == "latent"
    assert settings.parts == PARTS
    assert settings.td3.hidden == (32, 32)
    rows = read_metrics(run / "metrics.jsonl")
    assert not any("nonfinite" in row for row in rows)
    assert [row for row in rows if row.get("policy/critic_loss") is not None]
    assert rows[-1]["sample/accuracy"] >= 0
    last = [row for row in rows if "progress" in row][-1]
    assert_catalogued(rows)
    assert last["progress"] == 1.0
    assert last["limiter/samples_per_insert"] > 0
    for sheet in sorted((run / "samples").glob("*.png")):
        with Image.open(sheet) as picture:
            picture.load()
    path, damaged = checkpoints.latest_good(run / "checkpoints")
    assert path is not None
    assert not damaged
    checkpoint = checkpoints.load(path)
    assert checkpoint.score is not None
    assert checkpoint.update == checkpoint.documents["counters"]["policy"]["updates"] > 0


def test_the_painters_commands_say_that_this_is_none_of_theirs(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sample", str(run)]) == 2
    assert capsys.readouterr().err == f"impasto: sample: {run} is a run of kind latent, not a painter's\n"


def test_translate_goes_on_after_a_file_that_is_none(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = sorted((data / "test" / "a").glob("*.png"))[0]
    bad, large = tmp_path / "bad.png", tmp_path / "large.png"
    bad.write_bytes(b"rubbish")
    Image.fromarray(np.zeros((30, 30), np.uint8)).save(large)
    out = tmp_path / "out"
    words = ["translate", str(bad), str(good), str(large), "--run", str(run), "--out", str(out), "--no-fit"]
    assert cli.main(words) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(out / f"{good.stem}-add-1.png")]
    errors = [line for line in printed.err.splitlines() if line.startswith("impasto: ")]
    assert [line.split(": ")[1] for line in errors] == [str(bad), str(large)]
    with Image.open(out / f"{good.stem}-add-1.png") as picture:
        assert picture.size == (SIDE, SIDE)
    assert cli.main([*words, "--task", "add:2"]) == 2
    assert "was trained for add:1, not for 'add:2'" in capsys.readouterr().err


def test_translate_fits_images_to_the_training_data(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = sorted((data / "test" / "a").glob("*.png"))[0]
    with Image.open(good) as bar:
        turned = Image.eval(bar, lambda value: 255 - value).resize((5 * SIDE, 5 * SIDE), Image.Resampling.BOX)
    turned.convert("RGB").save(tmp_path / "turned.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "empty.png")
    paths = [str(good), str(tmp_path / "turned.png"), str(tmp_path / "empty.png")]
    out = tmp_path / "out"
    assert cli.main(["translate", *paths, "--run", str(run), "--out", str(out)]) == 1
    printed = capsys.readouterr()
    made = [out / f"{good.stem}-add-1.png", out / "turned-add-1.png"]
    assert printed.out.splitlines() == [str(path) for path in made]
    told = [line for line in printed.err.splitlines() if str(tmp_path) in line]
    assert told == [
        f"{paths[1]}: turned to bright on dark, cut and resized from {5 * SIDE}x{5 * SIDE} pixels "
        "(--no-fit takes images as they are)",
        f"impasto: {paths[2]}: nothing in it: the picture is empty",
    ]
    one, other = (np.asarray(Image.open(path)) for path in made)
    np.testing.assert_array_equal(one, other)


def test_a_run_owns_its_frozen_parts(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.open(run, write=False)
    settings = read_settings(folder)
    assert isinstance(settings, LatentSettings)
    cached = frozen_parts(PARTS, LatentAssets.load(settings).data)
    assert parts_identity(parts_of_run(run)) == parts_identity(cached)

    monkeypatch.setattr("cluster.latent.parts_cache.train_readers", None)  # training again fails
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "empty"))
    again = LatentTrainer.of_run(folder, settings, 1)
    again.close()
    assert parts_identity(again.assets.parts) == parts_identity(cached)
    image = str(sorted((data / "test" / "a").glob("*.png"))[0])
    words = ["translate", image, "--run", str(run), "--out", str(tmp_path / "out")]
    assert cli.main(words) == 0

    (run / PARTS_FILE).rename(tmp_path / "kept")
    try:
        capsys.readouterr()
        for command in (words, ["evaluate", str(run)], ["train", "latent", "--warm-start", str(run)]):
            assert cli.main([*command]) == 2
            err = capsys.readouterr().err
            assert f"{run / PARTS_FILE}: holds no frozen parts" in err
            assert err.count("\n") == 1
    finally:
        (tmp_path / "kept").rename(run / PARTS_FILE)


def test_what_is_wrong_is_told_before_parts_are_trained(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.latent.parts_cache.train_readers", None)
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "empty"))
    capsys.readouterr()
    for words, message in (
        (options(data, run), f"{run} holds another run"),
        (options(data, tmp_path / "new", task="ad:1"), "ad:1"),
        (["train", "latent", "--warm-start", str(run), "--action-range", "2"], "give --action-range 2.5"),
        (["train", "latent", "--warm-start", str(run), "--gan-updates", "7"], "frozen parts were made of other data"),
    ):
        assert cli.main(words) == 2, words
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_looks_are_at_images_that_no_agent_acts_on(run: Path) -> None:
    settings = read_settings(RunFolder.open(run, write=False))
    assert isinstance(settings, LatentSettings)
    assets = LatentAssets.load(settings, parts=parts_of_run(run))
    held, acted = assets.held_out, assets.acted_on
    assert (len(held.images), len(acted.images)) == (60, 540)
    assert held.labels is not None
    assert len(np.unique(held.labels)) == CLASSES, "not the last of a folder, which are all of one class"
    both = np.concatenate([held.images, acted.images]).reshape(600, -1)
    whole = assets.data.images.reshape(600, -1)
    np.testing.assert_array_equal(both[np.lexsort(both.T)], whole[np.lexsort(whole.T)])
    _, _, images, labels = ray.get(assets.share().references[0])
    np.testing.assert_array_equal(images, acted.images)
    np.testing.assert_array_equal(labels, acted.labels)


def test_files_of_tasks_are_found_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    world = LatentConfig(task="add:1, mine.py:Thicker,some.module:Task")
    kept = LatentSettings(world=world).storable()["world"]["task"]
    assert kept == f"add:1,{tmp_path.resolve() / 'mine.py'}:Thicker,some.module:Task"


def test_a_new_task_starts_from_the_old_replay(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"
    words = ["train", "latent", "--warm-start", str(run), "--task", "mul:3", "--run", str(new), "--minutes", "0.03"]
    assert cli.main(words) == 0, capsys.readouterr().err
    settings = LatentSettings.from_json(json.loads((new / "config.json").read_text()))
    assert settings.world.task == "mul:3"
    assert settings.parts == PARTS
    first = checkpoints.load(checkpoints.checkpoints(new / "checkpoints")[0])
    assert first.update == 0
    assert len(first.arrays["replay"]["blocks"]) > 0, "what the other run had stored is there from the start"
    assert first.documents["counters"]["trained_steps"] == 0, "the other run's steps are not this one's"
    assert first.documents["counters"]["inserted"] > 0
    assert json.loads((new / "warm_start.json").read_text())["run"] == str(run.resolve())
    kept, theirs = (FrozenParts.load(place / PARTS_FILE).state_dict() for place in (new, run))
    assert kept.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in kept.items())


@pytest.mark.slow
def test_evaluate_asks_a_judge(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", str(run), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["images"] == 120
    assert 0 <= result["tasks"]["add:1"]["accuracy"] <= 1
    assert len(result["parts"]["class_shares"]) == CLASSES
    assert result["parts_identity"] == parts_identity(parts_of_run(run))
    assert result["judge"]
    assert cli.main(["evaluate", str(run)]) == 0
    assert "add:1" in capsys.readouterr().out


@pytest.mark.slow
def test_kill_and_resume(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL in the middle; `resume` goes on from the newest checkpoint and ends."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    run, log = tmp_path / "run", tmp_path / "log"
    words = options(data, run, task="all", minutes=30, checkpoint_minutes=0.02, keep_checkpoints=3)
    processes: list[psutil.Process] = []
    driver = launch(words, log)
    try:
        root = run / "checkpoints"
        wait_until(lambda: driver.poll() is not None or len(checkpoints.checkpoints(root)) >= 3, 240, "checkpoints")
        assert driver.poll() is None, log.read_text()
        driver.kill()
        driver.wait()
        path, _ = checkpoints.latest_good(root)
        assert path is not None
        kept = checkpoints.load(path)
        seconds = kept.documents["counters"]["trained_seconds"]
        driver = launch(["resume", str(run), "--minutes", str((seconds + 4) / 60)], log)
        driver.wait(240)
        assert driver.returncode == 0, log.read_text()
    finally:
        end(driver, processes)
    path, _ = checkpoints.latest_good(root)
    assert path is not None
    after = checkpoints.load(path)
    assert after.update > kept.update
    assert after.documents["counters"]["restarts"] == 1
    assert after.documents["counters"]["inserted"] >= kept.documents["counters"]["inserted"]
    assert RunFolder.open(run, write=False).read_config()["kind"] == "latent"
    rows = read_metrics(run / "metrics.jsonl")
    assert {"event": "resume", "update": kept.update}.items() <= next(r for r in rows if "event" in r).items()

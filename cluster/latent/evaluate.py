"""`impasto evaluate` and `impasto translate` for a run in the latent world."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster.errors import UserError
from cluster.evaluation.text_tables import figures_table
from cluster.latent.assets import LatentAssets, load_images
from cluster.latent.baselines import evaluate_baselines
from cluster.latent.contact_sheet import write_sheet
from cluster.latent.judge import latent_judge
from cluster.latent.parts_cache import framing_of_report, framing_report, parts_identity, parts_of_run
from cluster.latent.policy import checkpoint_policy
from cluster.latent.policy_evaluation import LatentEvaluation
from cluster.latent.settings import LatentSettings
from cluster.latent.translation import Fitting, Translated, translate_files
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.stored import about_run
from envs.fitting import fit, fit_size
from envs.latent.parts import FrozenParts
from envs.latent.rules import LatentRules


def say(line: str) -> None:
    """Print a training's progress on standard error, apart from the result."""
    print(line, file=sys.stderr)


def evaluate_latent(
    folder: RunFolder,
    settings: LatentSettings,
    checkpoint: Checkpoint,
    count: int = 0,
    *,
    baselines: bool = False,
) -> dict[str, Any]:
    """Measure a run's policy on test images that neither it nor its parts have seen.

    Args:
        folder: Folder of the run.
        settings: Settings of the run.
        checkpoint: Checkpoint of the run.
        count: Number of images, 0 for the whole test split. Publish figures of all images only.
        baselines: Whether to train and measure the baselines on the same frozen parts too.

    Returns:
        The figures of `LatentEvaluation.evaluate`, "parts" (the ceilings that the frozen parts set), "judge" and
        "parts_identity" (figures compare only if both are equal), "run", "updates", "env_steps", "minutes", "sheet" (a
        picture of inputs, outputs for each task, and noisy inputs), and with `baselines` the same measures by name.
    """
    assets = LatentAssets.load(settings, say, parts_of_run(folder.path))
    test = load_images(settings, "test")
    judge = latent_judge(assets.data, test, data_dir=settings.system.data_folder)
    rules = LatentRules(settings.world, assets.parts)
    evaluation = LatentEvaluation(rules, test, judge, limit=count)
    policy = checkpoint_policy(settings, rules, checkpoint)
    sheet = write_sheet(evaluation, policy, folder.picture_folder() / f"evaluation-{checkpoint.update:08d}.png")
    return {
        **about_run(folder, checkpoint, sheet),
        "judge": judge.judge.identity,
        "parts_identity": parts_identity(assets.parts),
        **evaluation.evaluate(policy),
        "parts": evaluation.parts_report(),
        **({"baselines": evaluate_baselines(evaluation, assets.data, say=say)} if baselines else {}),
    }


def latent_table(result: dict[str, Any]) -> str:
    """Format an evaluation as text."""
    names = ("accuracy", "reward_accuracy", "gap", "diversity", "frechet_distance", "score")
    columns = {name: name.replace("_", " ") for name in names}
    rows = result["tasks"] | {"mean": result["mean"]}
    rows |= {name: each["mean"] for name, each in result.get("baselines", {}).items()}
    lines = [
        f"{result['run']}: {result['updates']} updates, {result['env_steps']} steps, {result['minutes']:.1f} minutes; "
        f"{result['images']} test images",
        figures_table(rows, columns, ".4f", first="task"),
    ]
    if result["noise"]:
        lines.append("noise  " + "  ".join(f"{sigma}: {value:.3f}" for sigma, value in result["noise"].items()))
    return "\n".join(lines)


def translate(
    folder: RunFolder,
    settings: LatentSettings,
    checkpoint: Checkpoint,
    images: Sequence[str],
    task: str,
    out: str,
    fit_images: bool = True,
) -> list[Translated]:
    """Translate a user's images with a run's policy, fitted to its training data unless `fit_images` is false.

    Raises:
        UserError: The policy was not trained for the task; none is given and there are several; the run's folder does
            not hold its frozen parts.
    """
    known = LatentRules(settings.world, parts_of_run(folder.path))
    names = [known.tasks.names[number] for number in known.tasks.asked]
    if not task and len(names) > 1:
        raise UserError(f"translate: --task is missing: one of {', '.join(names)}")
    task = task or names[0]
    if task not in names:
        raise UserError(f"translate: {folder.path} was trained for {', '.join(names)}, not for {task!r}")
    policy = checkpoint_policy(settings, known, checkpoint)
    fitted = fitting_of(known.parts, settings) if fit_images else None
    return translate_files(known, policy, [Path(image) for image in images], task, Path(out), fitted)


def fitting_of(parts: FrozenParts, settings: LatentSettings) -> Fitting:
    """Return the way to bring images to the form of a run's training data, which its parts tell.

    Parts of before 0.2 do not tell it; it is then measured on the data again.

    Raises:
        UserError: It is not told, and the data can not be loaded any more.
    """
    if "framing" not in parts.report:
        try:
            parts.report["framing"] = framing_report(load_images(settings, "train").images)
        except ValueError as error:
            raise UserError(
                f"translate: the form of the training data can not be measured ({error}); give --no-fit"
            ) from None
    framing = framing_of_report(parts.report["framing"])
    if framing is None:
        return lambda path: fit_size(path, parts.shape.image_shape)
    return lambda path: fit(path, framing)

"""The command sample. It waits for nothing that only training needs: RLlib takes seconds to import."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cluster.cli.arguments.runs import Sample
from cluster.cli.stored import stored
from cluster.painter.sampler import Sampler
from cluster.painter.settings import PainterSettings
from cluster.painter.stored import require_networks
from cluster.runs.stored_settings import read_settings_as


def sample(chosen: Sample) -> int:
    """Run `impasto sample`: write a contact sheet, an animated painting, and the actions."""
    folder, checkpoint = stored(chosen.run, chosen.best)
    out = Path(chosen.out) if chosen.out else folder.picture_folder() / f"seed-{chosen.seed}"
    settings = read_settings_as(PainterSettings, folder, "sample")
    require_networks(settings, checkpoint)
    sampler = Sampler(settings, seed=chosen.seed)
    sampler.load(checkpoint.tensors["policy"], checkpoint.tensors.get("discriminator"))
    made = sampler.paint(chosen.count, scored=chosen.count if "discriminator" in checkpoint.tensors else 0)
    sheet = sampler.write(made, out, "sheet", chosen.count)
    actions = out / "sheet.npz"  # actions and scores, where the sampler records them
    if made.scores is None:
        actions = out / "actions.npz"
        np.savez_compressed(actions, actions=made.actions, noise=made.noise)
    sampler.close()
    print(f"{sheet}\n{out / 'painting.gif'}\n{actions}")
    return 0

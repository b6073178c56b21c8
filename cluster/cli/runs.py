"""Commands on what is trained: evaluate, translate."""

from __future__ import annotations

import json
import sys
from typing import Any

from cluster.cli.arguments.runs import Evaluate, Translate
from cluster.cli.stored import stored
from cluster.errors import UserError
from cluster.latent.evaluate import evaluate_latent, latent_table
from cluster.latent.evaluate import translate as translate_files
from cluster.latent.settings import LatentSettings
from cluster.painter import evaluate as paintings
from cluster.painter import evaluate_scenes as scenes
from cluster.painter import evaluate_search as searched
from cluster.painter.settings import PainterSettings
from cluster.painter.stored import require_networks
from cluster.runs.stored_settings import read_settings, read_settings_as, trust_task


def evaluate(chosen: Evaluate) -> int:
    """Run `impasto evaluate`, of paintings, scenes or translations."""
    folder, checkpoint = stored(chosen.run, chosen.best)
    if chosen.trust_task:
        trust_task(folder)
    settings = read_settings(folder)
    if chosen.data_dir:
        settings = settings.replace(data_dir=chosen.data_dir)
    table: Any = latent_table
    if isinstance(settings, LatentSettings):
        if chosen.data:
            raise UserError(f"--data: {folder.path} is a run in the latent world, which has parts of its data")
        result = evaluate_latent(folder, settings, checkpoint, chosen.count, baselines=chosen.baselines)
    else:
        assert isinstance(settings, PainterSettings)
        require_networks(settings, checkpoint)
        if chosen.baselines:
            raise UserError(f"--baselines: only runs in the latent world have them, {folder.path} is a painter's")
        if chosen.data and "scenes" in (chosen.data, settings.system.data):
            raise UserError(f"--data: a run on {settings.system.data} can not be measured on {chosen.data}")
        if settings.search.candidates:
            result = searched.evaluate(
                folder,
                settings,
                checkpoint,
                count=chosen.count,
                data=chosen.data,
                widths=chosen.widths,
                climb=chosen.climb,
                faces=chosen.faces,
            )
            print(json.dumps(result) if chosen.json else searched.table(result))
            return 0
        if chosen.faces:
            raise UserError(f"--faces: only of runs that search, and {folder.path} does not")
        if chosen.data:
            settings = settings.replace(data=chosen.data)
        if settings.system.data == "scenes":
            result, table = scenes.evaluate(folder, settings, checkpoint, chosen.count or 1000), scenes.table
        elif settings.system.data == "mnist":
            result = paintings.evaluate_run(folder, settings, checkpoint, chosen.count or 2000)
            table = paintings.table
        else:
            result = paintings.evaluate_unjudged(folder, settings, checkpoint, chosen.count or 1000)
            table = paintings.unjudged_table
    print(json.dumps(result) if chosen.json else table(result))
    return 0


def translate(chosen: Translate) -> int:
    """Run `impasto translate`; the exit status is 1 if some files could not be read."""
    folder, checkpoint = stored(chosen.run, chosen.best)
    if chosen.trust_task:
        trust_task(folder)
    settings = read_settings_as(LatentSettings, folder, "translate")
    done = translate_files(folder, settings, checkpoint, chosen.images, chosen.task, chosen.out, chosen.fit)
    for each in done:
        if each.changes:
            print(f"{each.path}: {', '.join(each.changes)} (--no-fit takes images as they are)", file=sys.stderr)
        print(f"impasto: {each.problem}" if each.problem else each.output, file=sys.stderr if each.problem else None)
    return 1 if any(each.problem for each in done) else 0

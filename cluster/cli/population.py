"""Commands of a population: tune, lineage, retrace."""

from __future__ import annotations

import json

from cluster.cli.arguments.runs import Lineage
from cluster.cli.arguments.training import Retrace, Tune
from cluster.evaluation.text_tables import text_table
from cluster.population import launch
from cluster.population.export import export_winner
from cluster.population.lineage.compare import compare, write_svg
from cluster.population.lineage.report import BestMember


def tune(chosen: Tune) -> int:
    """Run `impasto tune`."""
    return launch.tune(chosen.settings, chosen.population, chosen.run, chosen.address, or_resume=chosen.or_resume)


def lineage(chosen: Lineage) -> int:
    """Run `impasto lineage`: of one population, or of one against another."""
    best = BestMember.read(chosen.run)
    if chosen.against:
        others = BestMember.read(chosen.against).events
        result = compare(best.events, others)
        if chosen.svg:
            write_svg(chosen.svg, best.events, others, str(result["fitness"]))
        text = text_table(["figure", "value"], ((name, str(value)) for name, value in result.items()))
    else:
        result, text = best.as_json(), best.as_text()
    if chosen.export:
        path = export_winner(best, chosen.export)
        result, text = result | {"exported": str(path)}, f"{text}\nexported as a run: {path}"
    print(json.dumps(result) if chosen.json else text)
    return 0


def retrace(chosen: Retrace) -> int:
    """Run `impasto retrace`."""
    return launch.retrace(chosen.population, chosen.run, chosen.address)

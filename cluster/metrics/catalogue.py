"""The catalogue of metrics: the one place that gives a metric its name, unit, kind and meaning (`catalogue.toml`).

The live view, Ray's metrics (Prometheus), the charts of the dashboard and the Grafana file take labels, formats and
descriptions from here, and `docs/metrics.md` is this module's output: `python -m cluster.metrics.catalogue`.
A metric that a run writes and that is not here fails a test.
"""

from __future__ import annotations

import math
import numbers
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

INTRODUCTION = """\
# The numbers of a run

A row of `metrics.jsonl` (and each point in TensorBoard) is a second of training. Rows of other moments: `event`
`resume`; an evaluation of samples, with `sample/*`; a `note` alone while the run waits, for Redis say; `nonfinite`
names numbers that were not finite. Each has `update` and `time`. The live view shows a dozen of them in words. A share
is a number in [0, 1].

Ray's metrics hold those with a second name, with the tags `run` and `member`; `deploy/README.md` says how Prometheus
and Grafana get them. This page is made of `cluster/metrics/catalogue.toml`:
`python -m cluster.metrics.catalogue > docs/metrics.md`.
"""


@dataclass(frozen=True)
class Metric:
    """One metric; `catalogue.toml` says what the fields hold."""

    name: str
    section: str
    label: str
    meaning: str
    unit: str = ""
    kind: Literal["gauge", "counter", "text"] = "gauge"
    digits: int = 3
    exported: str = ""
    caution: str = ""

    def text(self, value: Any) -> str:
        """A value as it is shown; `-` for what is missing or not finite."""
        if self.kind == "text":
            return value if isinstance(value, str) and value else "-"
        if not isinstance(value, numbers.Real) or not math.isfinite(value):
            return "-"
        return f"{100 * float(value):.0f}%" if self.unit == "share" else f"{float(value):,.{self.digits}f}"


def read_catalogue() -> dict[str, Metric]:
    """All metrics by name, in the order of `docs/metrics.md`."""
    parts = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
    return {name: Metric(name, part, **fields) for part, metrics in parts.items() for name, fields in metrics.items()}


CATALOGUE = read_catalogue()


def find(name: str) -> Metric:
    """The metric of this name.

    Examples:
        >>> find("replay/fill").text(0.256)
        '26%'
        >>> find("noise/actor_3").name
        'noise/actor_*'

    Raises:
        KeyError: there is none.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    for pattern, metric in CATALOGUE.items():
        if "*" in pattern and fnmatchcase(name, pattern):
            return metric
    raise KeyError(f"{name} is not in the catalogue of metrics")


def page(metrics: Sequence[Metric]) -> str:
    """The text of `docs/metrics.md`."""
    lines = [INTRODUCTION]
    section = ""
    for metric in metrics:
        if metric.section != section:
            section = metric.section
            lines += [f"\n## {section}\n", "| name | unit | meaning | look twice when |", "| --- | --- | --- | --- |"]
        total = "_total" if metric.kind == "counter" else ""  # as Prometheus's text format has it
        exported = f"<br>`ray_impasto_{metric.exported}{total}`" if metric.exported else ""
        lines.append(f"| `{metric.name}`{exported} | {metric.unit} | {metric.meaning} | {metric.caution} |")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


if __name__ == "__main__":
    print(page(list(CATALOGUE.values())), end="")

"""The catalogue of metrics: its page, its users, and the names that stand in the code."""

import re
from pathlib import Path

import pytest

from cluster.metrics.catalogue import CATALOGUE, find, page

ROOT = Path(__file__).parents[3]
AGGREGATED = {"policy/lag"}  # reported as lag/mean and lag/max
GROUPS = {name.split("/")[0] for name in CATALOGUE if "/" in name}


def named_in(text: str) -> set[str]:
    """Quoted names of metrics in a source file; names that are put together while the program runs are left out."""
    quoted = re.findall(r"""["'](\w+/\w+)["']""", text)
    return {name for name in quoted if name.split("/")[0] in GROUPS}


def known(name: str) -> bool:
    try:
        return name in AGGREGATED or bool(find(name))
    except KeyError:
        return False


def test_the_documentation_is_made_of_the_catalogue() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == page(list(CATALOGUE.values()))


def test_every_metric_has_a_label_and_a_meaning_in_whole_sentences() -> None:
    for metric in CATALOGUE.values():
        assert metric.label, metric.name
        assert metric.meaning[0].isupper(), metric.name
        assert metric.meaning.endswith("."), metric.name
        assert metric.kind in ("gauge", "counter", "text"), metric.name
        assert not metric.caution or metric.caution.endswith("."), metric.name


def test_no_two_metrics_are_exported_under_one_name() -> None:
    exported = [metric.exported for metric in CATALOGUE.values() if metric.exported]
    assert len(exported) > 20
    assert len(set(exported)) == len(exported)


def test_the_code_names_no_metric_that_is_not_in_the_catalogue() -> None:
    files = [path for suffix in ("py", "js", "html") for path in (ROOT / "cluster").rglob(f"*.{suffix}")]
    named = {name: path for path in files for name in named_in(path.read_text())}
    assert {"replay/fill", "lag/max", "sample/pixel_frechet"} <= named.keys()
    unknown = {name: str(path.relative_to(ROOT)) for name, path in named.items() if not known(name)}
    assert not unknown


def test_a_pattern_stands_for_numbered_metrics() -> None:
    assert find("noise/actor_12").name == "noise/actor_*"
    with pytest.raises(KeyError, match="policy/unheard_of"):
        find("policy/unheard_of")


def test_values_are_shown_in_their_unit() -> None:
    assert CATALOGUE["replay/fill"].text(0.256) == "26%"
    assert CATALOGUE["env_steps"].text(1234567) == "1,234,567"
    assert CATALOGUE["policy/return"].text(-12.5) == "-12.500"
    assert [CATALOGUE["lag/mean"].text(value) for value in (None, float("nan"), "text")] == ["-", "-", "-"]

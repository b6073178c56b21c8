"""A population's record: branches, ancestry, what survives; and records that are not as expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.dashboard.pages.lanes import draw, round_steps
from cluster.dashboard.readers.library import Library, decode, encode
from cluster.dashboard.readers.populations import Population, matrix_fits
from cluster.dashboard.readers.site import Site


def event(kind: str, member: int, branch: int, steps: int, **more: Any) -> dict[str, Any]:
    return {"event": kind, "member": member, "branch": branch, "env_steps": steps, "time": 1.0} | more


def exploit(member: int, branch: int, steps: int, donor: int, donor_branch: int, previous: int) -> dict[str, Any]:
    values = {"entropy_cost": 0.02}
    more = {"donor": donor, "donor_branch": donor_branch, "previous_branch": previous, "env_steps_before": steps + 10}
    return event("exploit", member, branch, steps, values=values, **more)


# docs/population.md's example: branch 6 (member 3) <- branch 1 (member 1) <- branch 0 (member 0).
RECORD = [
    *(
        event("birth", member, member, 0, values={"entropy_cost": 0.01 * (member + 1)}, seed=member)
        for member in (0, 2, 3)
    ),
    exploit(1, 1, 200, donor=0, donor_branch=0, previous=9),
    event("checkpoint", 2, 2, 350, values={}),
    exploit(3, 6, 400, donor=1, donor_branch=1, previous=3),
    event("explore", 3, 6, 400, values={"entropy_cost": 0.024}, operations={"entropy_cost": "*1.2"}),
    event("checkpoint", 3, 6, 500, values={}),
    event("checkpoint", 0, 0, 250, values={}),
    exploit(1, 7, 260, donor=2, donor_branch=2, previous=1),
]


def population(folder: Path, record: list[Any], critics: list[Any] | None = None) -> Population:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"population": {}, "settings": {}}')
    text = [row if isinstance(row, str) else json.dumps(row) + "\n" for row in record]
    (folder / "lineage.jsonl").write_text("".join(text))
    (folder / "critics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in critics or []))
    library = Library(folder)
    result = Population(library.entries()[0], library)
    result.refresh()
    return result


def test_ancestry_and_founders(tmp_path: Path) -> None:
    people = population(tmp_path, RECORD)
    assert [branch.number for branch in people.lineage.ancestry(6)] == [0, 1, 6]
    assert {number: branch.founder for number, branch in people.branches.items()} == {
        0: 0,
        2: 2,
        3: 3,
        1: 0,
        6: 0,
        7: 2,
    }
    assert people.founders == [0, 2, 3]
    assert people.branches[6].values == {"entropy_cost": 0.024}
    assert people.branches[6].operations == {"entropy_cost": "*1.2"}
    assert {branch.number for branch in people.current.values()} == {0, 2, 6, 7}


def test_what_lives_on_and_what_died_out(tmp_path: Path) -> None:
    people = population(tmp_path, RECORD)
    useful = people.useful
    assert useful[6] == 500  # it trains
    assert useful[1] == 400  # until branch 6 was copied from it; what member 1 did later is lost
    assert useful[0] == 250  # trains still, although its copy is further
    assert 3 not in useful  # nobody copied member 3 before it was replaced
    assert useful[2] == 350
    lanes = {segment.branch.number: segment for segment in draw(people).segments}
    assert lanes[3].live == lanes[3].x0
    assert lanes[0].arrow == ""
    assert lanes[6].arrow
    assert lanes[1].color == lanes[6].color == lanes[0].color != lanes[2].color
    assert "lives on in others" in lanes[1].label
    assert "died out" in lanes[3].label


def test_records_of_other_versions_are_shown_but_not_drawn(tmp_path: Path) -> None:
    strange = [
        {"event": "moved", "member": 1, "to": "Mars"},
        {"event": "birth", "member": 5},
        exploit(4, 8, 10, donor=0, donor_branch=77, previous=4),
        {"event": "comparison", "comparison": 1, "standings": [{}]},
        {},
    ]
    people = population(tmp_path, [*RECORD[:3], *strange, "nonsense\n", '{"event": "bir'])
    assert len(people.events) == 3 + len(strange)
    assert sorted(people.branches) == [0, 2, 3]
    assert people.damaged == 1


def test_only_square_matrices_are_taken(tmp_path: Path) -> None:
    good = {"comparison": 1, "members": [0, 1], "scores": [[1.0, None], [0.5, 2]]}
    wrong = [
        good | {"scores": [[1.0], [2.0]]},
        good | {"scores": [[1.0, "a"], [1, 2]]},
        good | {"members": None},
        good | {"scores": 4},
    ]
    assert population(tmp_path, RECORD, [*wrong, good]).critics == [good]


def test_a_record_is_read_as_it_grows(tmp_path: Path) -> None:
    people = population(tmp_path, RECORD[:3])
    before = people.branches[0]
    with (tmp_path / "lineage.jsonl").open("a") as file:
        file.write(json.dumps(RECORD[3]) + "\n" + json.dumps(RECORD[4])[:20])
    people.refresh()
    assert people.branches[0] is before
    assert [branch.number for branch in people.lineage.ancestry(1)] == [0, 1]
    assert len(people.events) == 4


def test_ends_of_a_population(tmp_path: Path) -> None:
    end = {"event": "stop", "member": None, "reason": "interrupted"}
    people = population(tmp_path / "a", [*RECORD, end])
    assert people.state == "stopped"
    assert population(tmp_path / "b", [*RECORD, end | {"reason": "finished"}]).state == "finished"
    again = {"event": "restart", "member": None, "reason": "resumed"}
    assert population(tmp_path / "c", [*RECORD, end, again]).lineage.stopped is None


def test_keys_of_nested_folders_are_one_part_of_a_url() -> None:
    for path in ("a", "a/b", "a~b/c", "~/~"):
        assert "/" not in encode(path)
    assert len({encode(path) for path in ("a/b", "a~b", "a~/b", "a/~b")}) >= 3
    assert decode(encode("group/with space")) == "group / with space"


def test_a_population_may_be_the_root(tmp_path: Path) -> None:
    population(tmp_path / "people", RECORD)
    site = Site(tmp_path / "people")
    assert [each.entry.key for each in site.populations()] == ["people"]


@pytest.mark.parametrize(("last", "ticks"), [(1.0, [0, 1]), (10, [0, 2, 4, 6, 8, 10]), (2_003_000, 5), (7e5, 8)])
def test_ticks_are_round(last: float, ticks: Any) -> None:
    steps = round_steps(last)
    assert steps == ticks if isinstance(ticks, list) else len(steps) == ticks
    assert steps[-1] <= last
    assert 2 <= len(steps) <= 9


@pytest.mark.parametrize(
    "odd",
    [{"fitness": 3}, {"real": 7}, {"real": ["a", 1]}, {"comparison": []}, {"scores": [[1.0], [2.0]]}, {"members": 2}],
)
def test_odd_critics_are_left_out(odd: dict[str, object]) -> None:
    row = {
        "comparison": 1,
        "members": [0, 1],
        "scores": [[1.0, None], [2, 3]],
        "real": [1.0, 2.0],
        "fitness": [None, 1],
    }
    assert matrix_fits(row)
    assert matrix_fits({"members": row["members"], "scores": row["scores"]})
    assert not matrix_fits(row | odd)

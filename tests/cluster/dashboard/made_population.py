"""Folders of populations as training writes them, made up in a moment."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.cluster.dashboard.made_up import STEPS_A_SECOND, make_sheet, metrics_row, settings, write_lines


class MadePopulation:
    """A population of which each comparison lets the worst member take over the best (docs/population.md)."""

    def __init__(
        self,
        path: Path,
        members: int = 4,
        comparisons: int = 6,
        *,
        pictures: bool = True,
        rows: int = 20,
        seed: int = 0,
    ) -> None:
        self.path, self.members = path, members
        self.rng = np.random.default_rng(seed)
        self.events: list[dict[str, Any]] = []
        self.critics: list[dict[str, Any]] = []
        self.run = settings(seed=seed)
        self.began = time.time() - 60 * comparisons
        self.branch = list(range(members))
        self.skill = list(self.rng.uniform(0, 1, members))
        self.values: list[dict[str, float]] = [
            {
                "entropy_cost": float(np.exp(self.rng.uniform(np.log(2e-3), np.log(1e-1)))),
                "policy_learning_rate": float(np.exp(self.rng.uniform(np.log(1e-5), np.log(3e-4)))),
            }
            for _ in range(members)
        ]
        self.rows: list[list[dict[str, Any]]] = [[] for _ in range(members)]
        self.pictures, self.rows_each = pictures, rows
        path.mkdir(parents=True)
        population = {"members": members, "fitness": "pixel_frechet"}
        (path / "config.json").write_text(json.dumps({"population": population, "settings": self.run.to_json()}))
        for member in range(members):
            folder = self.folder(member)
            (folder / "samples").mkdir(parents=True)
            born = self.run.replace(seed=member, entropy_cost=self.values[member]["entropy_cost"])
            (folder / "config.json").write_text(json.dumps(born.to_json()))
            self.add("birth", member, 0, values=self.values[member], seed=member)
        self.next_branch = members
        for comparison in range(1, comparisons + 1):
            self.compare(comparison)
        self.write()

    def folder(self, member: int) -> Path:
        """A member's run folder."""
        return self.path / "members" / f"{member:02d}"

    def add(self, event: str, member: int | None, steps: float | None, **more: Any) -> None:
        """An event."""
        row: dict[str, Any] = {"n": len(self.events), "time": self.began + 2 * len(self.events)}
        row |= {"elapsed_s": 2.0 * len(self.events), "event": event, "member": member}
        if member is not None:
            row |= {"branch": self.branch[member], "env_steps": steps}
        self.events.append(row | more)

    def compare(self, comparison: int) -> None:
        """Train until the next milestone, rank, and let the worst copy the best."""
        milestone = 200_000 * comparison
        for member in range(self.members):
            self.train(member, comparison, milestone)
        order = sorted(range(self.members), key=lambda member: -self.skill[member])
        standings = [
            {
                "member": member,
                "branch": self.branch[member],
                "env_steps": milestone + 640 * member,
                "score": self.score(member),
                "measures": {"pixel_frechet": -self.score(member)},
                "episodes": 512,
                "checkpoint": None,
                "checkpoint_sha256": None,
                "sample": f"members/{member:02d}/samples/{self.sheet_name(member, comparison)}.png",
                "values": self.values[member],
            }
            for member in order
        ]
        worst, best = order[-1], order[0]
        self.add(
            "comparison",
            None,
            None,
            comparison=comparison,
            env_steps=milestone,
            fitness="pixel_frechet",
            standings=standings,
            decided=order,
            decisions=[{"member": worst, "donor": best, "branch": self.next_branch}],
        )
        self.judge(comparison, milestone)
        for member in order[:-1]:
            self.add(
                "skipped",
                member,
                milestone,
                comparison=comparison,
                score=self.score(member),
                reason="in the better half",
            )
        if self.members > 1:
            self.exploit(worst, best, comparison, milestone)
        for member in range(self.members):
            self.add("checkpoint", member, milestone, update=milestone // 640, values=self.values[member])

    def train(self, member: int, comparison: int, milestone: int) -> None:
        """Rows of a member up to a milestone, and its sheet there."""
        for part in range(self.rows_each):
            steps = milestone - 200_000 + 200_000 // self.rows_each * (part + 1)
            row = metrics_row(steps // STEPS_A_SECOND, self.rng, env_steps=steps, update=steps // 640)
            row["population/branch"] = self.branch[member]
            row["policy/score"] = self.skill[member] - 2 + float(self.rng.normal(0, 0.1))
            self.rows[member].append(row)
        self.skill[member] += float(self.rng.uniform(0, 0.3))
        name = self.sheet_name(member, comparison)
        look = {
            "update": milestone // 640,
            "env_steps": milestone,
            "elapsed_s": milestone / STEPS_A_SECOND,
            "time": 1.79e9,
        }
        look |= {"sample/pixel_frechet": -self.score(member), "population/branch": self.branch[member]}
        self.rows[member].append(look)
        if self.pictures:
            make_sheet(self.folder(member) / "samples", name, self.run, seed=100 * member + comparison, count=60)

    def sheet_name(self, member: int, comparison: int) -> str:
        """Of a contact sheet."""
        return f"{200_000 * comparison // 640:08d}-branch-{self.branch[member]:03d}"

    def score(self, member: int) -> float:
        """Higher is better."""
        return -1.6 / (1 + self.skill[member])

    def judge(self, comparison: int, milestone: int) -> None:
        """A critic matrix."""
        offsets = self.rng.normal(0, 1, self.members)
        skills = np.array(self.skill)[:, None]
        scores = skills + offsets[None] + self.rng.normal(0, 0.2, (self.members, self.members))
        self.critics.append(
            {
                "comparison": comparison,
                "env_steps": milestone,
                "time": self.began,
                "members": list(range(self.members)),
                "branches": list(self.branch),
                "paintings": 512,
                "scores": scores.tolist(),
                "spread": np.full_like(scores, 0.4).tolist(),
                "real": (offsets + 2).tolist(),
                "fitness": [self.score(member) for member in range(self.members)],
                "rank_correlation": float(self.rng.uniform(-0.2, 1)) if self.members > 2 else None,
            }
        )

    def exploit(self, member: int, donor: int, comparison: int, milestone: int) -> None:
        """A member takes over another's weights and changes the values."""
        previous, before, score = self.branch[member], self.values[member], self.score(member)
        self.branch[member], self.next_branch = self.next_branch, self.next_branch + 1
        common = {
            "comparison": comparison,
            "donor": donor,
            "donor_branch": self.branch[donor],
            "previous_branch": previous,
        }
        self.add(
            "exploit",
            member,
            milestone + 640 * donor,
            **common,
            score=score,
            donor_score=self.score(donor),
            episodes=512,
            donor_episodes=512,
            env_steps_before=milestone + 640 * member,
            values_before=before,
            values=self.values[donor],
            seconds=0.031,
            applied=True,
        )
        operations = {name: str(self.rng.choice(["*1.2", "/1.2"])) for name in before}
        self.values[member] = {
            name: value * 1.2 if operations[name] == "*1.2" else value / 1.2
            for name, value in self.values[donor].items()
        }
        self.add(
            "explore",
            member,
            milestone + 640 * donor,
            comparison=comparison,
            operations=operations,
            values_before=self.values[donor],
            values=self.values[member],
            applied=self.values[member],
            decay=dict.fromkeys(before, 1.0),
        )
        self.skill[member] = self.skill[donor]

    def write(self, torn: str = "") -> None:
        """All files."""
        write_lines(self.path / "lineage.jsonl", self.events, torn=torn)
        write_lines(self.path / "critics.jsonl", self.critics)
        for member, rows in enumerate(self.rows):
            write_lines(self.folder(member) / "metrics.jsonl", rows)

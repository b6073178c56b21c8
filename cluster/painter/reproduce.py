"""`impasto reproduce`: train the rows of a table within a budget, measure them, write the table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from cluster.errors import UserError, one_line
from cluster.evaluation.text_tables import markdown_table, number
from cluster.metrics.curves import plot_curves, read_curve
from cluster.painter.evaluate import DRAWINGS, measure_row
from cluster.painter.evaluate_scenes import run_metropolis
from cluster.painter.reproduce_tables import Row
from cluster.painter.settings import PainterSettings, PresetName
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder, RunFolderError
from cluster.runs.location import RunPlace
from cluster.runs.stored import last_checkpoint
from cluster.runs.stored_settings import read_settings_as
from cluster.training import launch
from envs.data_files import write_atomically

COLUMNS = {
    "l2": "L2 per pixel",
    "blank_l2": "L2, blank canvas",
    "perceptual": "perceptual",
    "fid": "FID (judge)",
    "pixel_fid": "FID (8x8 pixels)",
    "judge_accuracy": "read right",
    "count_and_color": "scenes: count and color",
    "count_and_color_near": "scenes: count and near color",
    "object_color": "objects: color",
    "object_place": "objects: place",
}
#: Scenes that the Metropolis-Hastings baseline infers.
METROPOLIS_SCENES = 100
#: Ends of runs fall a little before or after their time.
SLACK_MINUTES = 0.02
#: What may go wrong with a row without being anybody else's business.
ERRORS = (UserError, RunFolderError, ValueError, OSError)
#: Settings in which a run may differ from what its row asks for now.
MAY_DIFFER = ("minutes", "data_dir", "actors", "redis")


class Reproduction:
    """Makes a table of experiments; a later call goes on where an earlier one stopped.

    Attributes:
        out: Folder of `NAME.json`, `NAME.md` and the pictures.
        runs: Folder of the runs.
    """

    def __init__(
        self,
        name: str,
        rows: Sequence[Row],
        *,
        only: Collection[str] = (),
        preset: PresetName,
        minutes: float,
        out: Path,
        runs: Path,
        data_dir: str = "",
        seed: int = 0,
        address: str = "",
        changes: dict[str, Any] | None = None,
    ) -> None:
        """Prepare; `only` names the rows to train further (all if None), `changes` are settings of all rows."""
        self.name, self.rows, self.preset, self.minutes = name, rows, preset, minutes
        self.only = only or [row.name for row in rows]
        self.out, self.runs, self.address = out, runs, address
        self.changes = {"data_dir": data_dir, "seed": seed, "minutes": minutes} | (changes or {})
        self.results: dict[str, dict[str, Any]] = {}
        if self.json.is_file():
            self.results = json.loads(self.json.read_text())["rows"]

    @property
    def json(self) -> Path:
        """File of the figures."""
        return self.out / f"{self.name}.json"

    def run(self, report: Callable[[str], None] = print) -> bool:
        """Train every row up to the budget; returns True if all reached it.

        An error of a row is noted in its place, and the next row begins. Ctrl-C ends the row with a checkpoint, and
        the table.
        """
        complete = True
        for row in self.rows:
            if row.name not in self.only:
                continue
            stopped, problem = self.bring(row)
            self.write()
            if problem:
                report(f"{row.name}: {problem}")
                complete = False
            if stopped:
                report(f"{row.name}: stopped; the same command goes on from here")
                return False
        return complete

    def bring(self, row: Row) -> tuple[bool, str]:
        """Train a row up to the budget and measure it; returns whether it was interrupted, and an error or ""."""
        if row.evaluations:
            return self.infer(row)
        known = self.known(row)
        try:
            self.check(row)
        except ERRORS as error:  # another run lies there: what is known of the row stays
            problem = one_line(error)
            self.results[row.name] = known or {"error": problem}
            return False, problem
        stopped, problem = False, ""
        try:
            stopped = not self.train_row(row)
        except ERRORS as error:
            problem = one_line(error)
        try:
            known = self.measure(row)
        except ERRORS as error:
            problem = problem or one_line(error)
        if "minutes" in known:
            known["budget_minutes"] = self.minutes
        self.results[row.name] = known | ({"error": problem} if problem else {})
        return stopped, problem

    def infer(self, row: Row) -> tuple[bool, str]:
        """Have Metropolis-Hastings infer a row's scenes, which takes no training; figures of earlier are kept."""
        known = self.known(row)
        picture = Path("pictures") / f"{row.name}.png"
        if known.get("evaluations") == row.evaluations and (self.out / picture).is_file():
            return False, ""
        (self.out / picture).parent.mkdir(parents=True, exist_ok=True)
        try:
            found = run_metropolis(self.runs / row.name, count=METROPOLIS_SCENES, evaluations=[row.evaluations or 0])
            shutil.copyfile(found["sheet"], self.out / picture)
        except KeyboardInterrupt:
            return True, ""
        except ERRORS as error:
            self.results[row.name] = known or {"error": one_line(error)}
            return False, one_line(error)
        about = {"experiment": row.experiment, "conditional": True, "picture": picture.as_posix()}
        counts = {"samples": found["samples"], "evaluations": row.evaluations}
        self.results[row.name] = found["sets"][str(row.evaluations)] | about | counts
        return False, ""

    def known(self, row: Row) -> dict[str, Any]:
        """Return the row's figures so far, without an earlier error."""
        return {key: value for key, value in self.results.get(row.name, {}).items() if key != "error"}

    def train_row(self, row: Row) -> bool:
        """Train or resume the row's run; returns whether it used up its minutes."""
        path = self.runs / row.name
        if not (path / "config.json").is_file():
            launch.train(self.settings(row), str(path), self.address)
            return self.trained_minutes(path) >= self.minutes - SLACK_MINUTES
        if self.trained_minutes(path) < self.minutes - SLACK_MINUTES:
            moved = {"data_dir": self.changes["data_dir"]} if self.changes["data_dir"] else {}
            launch.resume(RunPlace.find(str(path)), self.address, {"minutes": self.minutes} | moved)
        return self.trained_minutes(path) >= self.minutes - SLACK_MINUTES

    def check(self, row: Row) -> None:
        """Check that the run in a row's place has the row's settings.

        Raises:
            UserError: It was trained with other settings.
        """
        path = self.runs / row.name
        if not (path / "config.json").is_file():
            return
        with RunFolder.open(path, write=False) as folder:
            have = read_settings_as(PainterSettings, folder, "reproduce").flat()
        want = self.settings(row).flat()
        different = sorted(name for name in want if name not in MAY_DIFFER and have.get(name) != want[name])
        if different:
            raise UserError(f"{path} was trained with another {', '.join(different)}: choose another --runs")

    def settings(self, row: Row) -> PainterSettings:
        """Return the settings that a row starts with."""
        return row.settings(self.preset).replace(**self.changes)

    def trained_minutes(self, path: Path) -> float:
        """Read the minutes of training in a run's last intact checkpoint."""
        newest, _ = checkpoints.latest_good(path / "checkpoints")
        if newest is None:
            return 0.0
        return float(checkpoints.load(newest).documents["counters"]["trained_seconds"]) / 60

    def measure(self, row: Row) -> dict[str, Any]:
        """Measure the row; figures of the same checkpoint are kept."""
        with RunFolder.open(self.runs / row.name, write=False) as folder:
            settings = read_settings_as(PainterSettings, folder, "reproduce")
            checkpoint = last_checkpoint(folder)
        assert checkpoint is not None
        known = self.known(row)
        whole = known.get("fid") is not None or settings.system.data not in DRAWINGS
        if whole and known.get("updates") == checkpoint.update and (self.out / known["picture"]).is_file():
            return known
        conditional = settings.policy.conditional
        curve = read_curve(self.runs / row.name / "metrics.jsonl", "policy/l2") if conditional else None
        picture = Path("pictures") / f"{row.name}.png"
        (self.out / picture).parent.mkdir(parents=True, exist_ok=True)
        figures = measure_row(settings, checkpoint, self.out / picture)
        return figures | {
            "experiment": row.experiment,
            "preset": self.preset,
            "picture": picture.as_posix(),
            "reward_source": settings.policy.reward_source,
            "conditional": conditional,
            "curve": curve,
        }

    def write(self) -> None:
        """Write JSON, Markdown and curves as they stand."""
        self.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"table": self.name, "minutes_per_row": self.minutes, "rows": self.results}, indent=1)
        write_atomically(self.json, text + "\n")
        write_atomically(self.out / f"{self.name}.md", self.markdown(self.plot()))

    def plot(self) -> list[Path]:
        """Plot L2 to the targets over training, one plot for each experiment that reproduces."""
        found = []
        for experiment in dict.fromkeys(row.experiment for row in self.rows):
            curves = {
                row.name: self.results[row.name]["curve"]
                for row in self.rows
                if row.experiment == experiment and self.results.get(row.name, {}).get("curve")
            }
            if curves:
                path = self.out / "pictures" / f"{experiment}-curves.png"
                measure = "L2 per pixel to the target"
                found.append(plot_curves(curves, path, title=experiment, measure=measure))
        return found

    def markdown(self, plots: Sequence[Path]) -> str:
        """Format the table as Markdown."""
        used = [key for key in COLUMNS if any(row.get(key) is not None for row in self.results.values())]
        titles = ["run", "preset", *(COLUMNS[key] for key in used), "steps", "minutes", "how far"]
        rows = []
        for row in self.rows:
            figures = self.results.get(row.name, {})
            cells = [f"`{row.name}`", figures.get("preset", "-"), *(number(figures.get(key)) for key in used)]
            steps, minutes = figures.get("steps"), figures.get("minutes")
            cells += ["-" if steps is None else f"{steps:,}", "-" if minutes is None else f"{minutes:.1f}"]
            rows.append([*cells, self.how_far(row)])
        lines = [f"# {self.name}", "", markdown_table(titles, rows), ""]
        for path in plots:
            lines += [f"![{path.stem}]({path.relative_to(self.out).as_posix()})", ""]
        for row in self.rows:
            if picture := self.results.get(row.name, {}).get("picture"):
                pairs = "each painting after its target" if self.results[row.name]["conditional"] else "paintings"
                if row.evaluations:
                    pairs = "targets, and the likeliest scenes below them"
                lines += [f"`{row.name}`: {pairs}", "", f"![{row.name}]({picture})", ""]
        return "\n".join(lines)

    def how_far(self, row: Row) -> str:
        """Tell in words how far the row was trained."""
        figures = self.results.get(row.name)
        if figures is None:
            return "not run"
        if "evaluations" in figures:
            return f"Metropolis-Hastings: {figures['evaluations']:,} evaluations of each of {figures['samples']} scenes"
        if "minutes" not in figures:
            return f"failed: {figures['error']}"
        budget = figures["budget_minutes"]
        done = figures["minutes"] >= budget - SLACK_MINUTES
        text = "to the end of its minutes" if done else f"{figures['minutes']:.1f} of {budget:g} minutes"
        if row.published_steps:
            text += f", {100 * figures['steps'] / row.published_steps:.1f} % of the paper's steps"
        return f"{text}, then: {figures['error']}" if "error" in figures else text

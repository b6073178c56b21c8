"""Which metrics are drawn together, and what the reader should see in them (docs/metrics.md has the long form)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cluster.dashboard.pages.numbers import number
from cluster.dashboard.readers.history import X_AXES, History, buckets, is_measure


@dataclass(frozen=True)
class Chart:
    """One small chart.

    Attributes:
        title: what it shows.
        series: (metric, label) of each line.
        hint: when to look twice, one sentence.
        kind: ``line``, ``log`` (logarithmic y), ``share`` (stacked to one) or ``points`` (few values, marked).
    """

    title: str
    series: tuple[tuple[str, str], ...]
    hint: str = ""
    kind: str = "line"


QUALITY = (
    Chart(
        "Pixel Fréchet distance",
        (("sample/pixel_frechet", "distance"),),
        "Paintings against training images, up to 512. If it improves while the sheet does not, trust the sheet.",
        "points",
    ),
    Chart("Distance to targets", (("sample/l2", "pixel L2"),), kind="points"),
    Chart("Held-out score", (("sample/score", "mean reward"),), kind="points"),
    Chart("Accuracy", (("sample/accuracy", "by the reward's classifier"),), kind="points"),
    Chart(
        "Discriminator scores",
        (
            ("discriminator/real", "real images"),
            ("discriminator/fake", "replay"),
            ("policy/score", "paintings"),
        ),
        "Real and painted drifting apart without end: the discriminator has won.",
    ),
    Chart("Spread of the scores", (("policy/score_std", "spread"),), "Goes to 0: all paintings look alike."),
    Chart("Entropy", (("policy/entropy", "nats per action"),), "Below about 1: collapsed to one picture."),
    Chart("Return", (("policy/return", "return"),), "Normalised score less the penalties."),
    Chart(
        "Strokes",
        (("policy/stroke_starts", "strokes begun"), ("policy/painting_share", "share of actions that paint")),
    ),
)
SYSTEM = (
    Chart("Steps per second", (("env_steps_per_s", "steps/s"),), "Falls: see the shares of time."),
    Chart(
        "Where time goes",
        (
            ("time/render", "render"),
            ("time/inference", "inference"),
            ("time/transfer", "transfer"),
            ("time/learn", "learn"),
            ("time/discriminate", "discriminate"),
            ("time/wait", "wait"),
        ),
        "Transfer above 10 %: storage is slow. Learn near 0 and wait high: too few actors.",
        "share",
    ),
    Chart("Policy lag", (("lag/mean", "mean"), ("lag/max", "max")), "In updates. Above max_lag: fewer actors."),
    Chart("Replay fill", (("replay/fill", "filled share"),), "Falls to 0: Redis was restarted."),
    Chart("Batches", (("queue", "queued"), ("in_flight", "ordered from actors"))),
    Chart(
        "Restarts and losses",
        (
            ("runners/restarts", "actors restarted"),
            ("redis/restarts", "Redis restarted"),
            ("batches/lost", "batches lost"),
            ("batches/stale", "batches stale"),
        ),
        "Rising steadily: read the actor's log.",
    ),
)
LEARNING = (
    Chart("Loss of the policy", (("policy/policy_loss", "policy"), ("policy/value_loss", "value"))),
    Chart(
        "Loss of the discriminator",
        (("discriminator/loss", "loss"), ("discriminator/gradient_penalty", "gradient penalty")),
    ),
    Chart("Gradient norm", (("policy/gradient_norm", "before clipping"),), kind="log"),
    Chart(
        "Truncated importance weights",
        (("policy/truncated_ratios", "share"),),
        "Above 0.2 for long: too much lag for this learning rate.",
    ),
    Chart("Learning rate", (("policy/learning_rate", "policy"),), kind="log"),
    Chart("Entropy cost", (("policy/entropy_cost", "entropy cost"),), kind="log"),
)
GROUPS = (("Quality", QUALITY), ("System", SYSTEM), ("Learning", LEARNING))
#: Names that are axes or are shown elsewhere on the page.
ELSEWHERE = {"update", "updates", "time", "env_steps", "elapsed_s", "progress", "sampled_steps", "population/branch"}


def chart_groups(history: History) -> list[dict[str, Any]]:
    """The groups of charts that this run has numbers for; what no group knows comes last, one chart a metric."""
    present = {*history.columns, *(name for row in history.looks() for name in row)}
    groups = []
    for title, charts in GROUPS:
        shown = []
        for chart in charts:
            series = [(name, label) for name, label in chart.series if name in present]
            if series:
                shown.append(asdict(chart) | {"series": series, "now": summary(history, series)})
        if shown:
            groups.append({"title": title, "charts": shown, "open": True})
    known = {name for _, charts in GROUPS for chart in charts for name, _ in chart.series} | ELSEWHERE
    others = sorted(set(history.columns) - known)
    if others:
        rest = [asdict(Chart(name, ((name, name),))) | {"now": summary(history, [(name, name)])} for name in others]
        groups.append({"title": "Everything else", "charts": rest, "open": False})
    return groups


def summary(history: History, series: list[tuple[str, str]]) -> str:
    """The newest value of a chart with one line; a chart of several says it in its legend."""
    return number(history.latest.get(series[0][0])) if len(series) == 1 else ""


def chart_data(history: History) -> dict[str, Any]:
    """What the charts of a run are drawn from."""
    looks = history.looks()
    points = {
        axis: [value / (60 if axis == "minutes" else 1) if value is not None else None for value in values]
        for axis, name in X_AXES.items()
        for values in [[row.get(name) for row in looks]]
    }
    measures = {name for row in looks for name, value in row.items() if is_measure(name, value)}
    resumes = [row for row in history.notable if row.get("event") == "resume"]
    names = [name for name in history.columns if name not in ELSEWHERE]
    return buckets(history, names) | {
        "points": points | {"y": {name: [row.get(name) for row in looks] for name in measures}},
        "resumes": [row.get("update") for row in resumes],
    }

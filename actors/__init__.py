"""The parts that act: rollouts of a policy in many worlds at once, their Ray actors, and baselines that search.

Code in here may import `envs` and the networks, settings and record formats of `learners`, but no learner and not
`cluster`. Start reading at `actors.rollout` (a policy paints episodes), then `actors.paint_runner` (the same as a Ray
actor); `actors.transition_rollout` and `actors.transition_runner` are their counterparts for TD3. Public names are
imported when they are used, so that a baseline without networks never loads torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envs.lazy_names import lazy_names

if TYPE_CHECKING:
    from actors.paint_runner import PaintRunner as PaintRunner
    from actors.random_play import RandomPlay as RandomPlay
    from actors.rollout import Rollout as Rollout
    from actors.runner import BatchRunner as BatchRunner
    from actors.search import Search as Search
    from actors.search import SearchResult as SearchResult
    from actors.sink import RecordSink as RecordSink
    from actors.transition_rollout import TransitionRollout as TransitionRollout
    from actors.transition_runner import TransitionRunner as TransitionRunner

_HOMES = {
    "BatchRunner": "runner",
    "PaintRunner": "paint_runner",
    "RandomPlay": "random_play",
    "RecordSink": "sink",
    "Rollout": "rollout",
    "Search": "search",
    "SearchResult": "search",
    "TransitionRollout": "transition_rollout",
    "TransitionRunner": "transition_runner",
}

__all__ = [*_HOMES]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)

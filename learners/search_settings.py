"""Settings of the search inside the actors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from envs.ranges import Count, Natural, Share, check_ranges

SearchScore = Literal["pixels", "discriminator", "both"]
CLIMB = 20
"""Variations in a row without gain after which a stroke of `impasto paint`, or of figures that are published, stays."""


@dataclass(frozen=True)
class SearchSettings:
    """Search inside the actors, and how a policy learns from it (ours; the SPIRAL paper names it as future work).

    Attributes:
        candidates: strokes that an actor tries for each one that is painted, variations included; the policy imitates
            the best (expert iteration: Anthony et al. 2017). 0: the policy alone acts, as published. More find better
            strokes and take longer. Needs `conditional`, free strokes and a brush without history; usual: 16 to 128.
        variations: candidates that are variations of the best of the others. More refine more and explore less; usual:
            0 to half of `candidates`.
        climb: variations in a row without gain after which a stroke is taken; until then the best so far is varied, by
            `variations` at once. 0: it is varied once. More find better strokes and take longer; usual: 0 to 100.
        policy_share: share of the other candidates that the policy proposes at the start of the run; the rest begin at
            places of canvas and target that differ. Higher trusts the policy sooner; usual: 0 to 0.5.
        final_policy_share: share after the first fifth of the run. Higher leaves less to chance; usual: 0.5 to 1.
        search_score: score by which strokes are compared. `pixels`: the squared error; `discriminator`: its score of
            the canvas; `both`: their sum, the squared error times `l2_weight`.
        own_strokes: share of the episodes that go on with the policy's own stroke in place of the search's, so that it
            sees situations of its own making (as in DAgger: Ross et al. 2011). Higher teaches more about its own errors
            and paints worse meanwhile; usual: 0.2 to 0.8.
        zoom_episodes: most episodes that follow an episode on a part of its painting, enlarged twice each time; large
            pictures are painted like this. Needs data of more pixels than the canvas, or blurs. More prepare for larger
            pictures; usual: 0 to 4.
        reinforcement: learn by V-trace too, from the episodes with strokes of the policy's own. Without it the
            discriminator pays nothing and is trained to be watched.
        imitated: number of the best strokes of a situation that are imitated, each weighted by its gain; the network's
            eyes look once for all of them. More learn more from each look and from worse strokes; usual: 1 to 16.
        imitation_batch: situations in a batch. Larger: steadier and slower; usual: 32 to 256.
        imitation_updates: batches learned from after each batch of experience. More learn more from each situation and
            act less; usual: 5 to 50.
        search_memory: newest situations that batches are drawn from. More forget later and take more memory; usual: 10
            000 to 200 000.
    """

    candidates: Natural = 0
    variations: Natural = 0
    climb: Natural = 0
    policy_share: Share = 0.3
    final_policy_share: Share = 0.9
    search_score: SearchScore = "pixels"
    own_strokes: Share = 0.5
    zoom_episodes: Natural = 0
    reinforcement: bool = False
    imitated: Count = 6
    imitation_batch: Count = 96
    imitation_updates: Count = 20
    search_memory: Count = 60_000

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.candidates and self.variations >= self.candidates:
            raise ValueError(f"variations: expected fewer than the {self.candidates} candidates, got {self.variations}")
        if self.candidates and self.climb and not self.variations:
            raise ValueError(f"climb: varies strokes, with variations of 1 or more; got climb {self.climb} without any")

    def counts(self, progress: float) -> tuple[int, int, int]:
        """Candidates of the policy, at least one, those that begin at the error, and variations.

        Args:
            progress: of the run, in [0, 1].
        """
        tried = self.candidates - self.variations
        share = self.policy_share + (self.final_policy_share - self.policy_share) * min(1.0, 5 * progress)
        policy = min(tried, max(1, round(tried * share)))
        return policy, tried - policy, self.variations

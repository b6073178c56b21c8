"""Settings of policies, discriminators and their learners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NetworkName = Literal["laptop", "paper", "glimpse"]
RewardName = Literal["final", "difference"]
RewardSource = Literal["discriminator", "l2", "both"]
Conditioning = Literal["pair", "complement", "joint"]
AdversaryName = Literal["wgan-gp", "hinge", "logistic"]
Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class PolicySettings:
    """The policy and how it learns (defaults: the paper's, or the norm where it is silent).

    Attributes:
        network: ``paper`` (60 M multiply-adds a step, LSTM), ``laptop`` (1 M, for CPUs), or ``glimpse`` (7 M, for CPUs;
            looks at each location with the same eyes, which learns to find things sooner).
        conditional: give each episode a target image to reproduce, drawn from the data; the policy sees it beside the
            canvas, and the discriminator judges the two together. Without it the policy paints what it likes.
        blind: show the policy a white canvas in place of what it has painted.
        noise_size: numbers of N(0, 1) noise that an episode is painted from. More allow more variety.
        policy_learning_rate: Adam's step size at the start. Higher learns faster and collapses sooner.
        policy_final_learning_rate: step size that a linear decay reaches at the end of the run.
        policy_warmup_updates: first updates, over which the step size rises from 0. Without it the policy commits
            itself to what a discriminator of a few dozen updates happens to like.
        policy_betas: Adam's averaging of gradients and squares.
        policy_adam_epsilon: Adam's epsilon; larger values damp small gradients.
        gradient_clip: largest global norm of the gradient.
        value_cost: weight of the value loss.
        entropy_cost: weight of the entropy bonus at the start. Too low collapses to one picture, too high stays noise.
        final_entropy_cost: weight that a linear decay reaches at the end of the run.
        entropy_floor: nats an action below which a batch's mean entropy is held up: what is missing costs
            ``entropy_floor_cost`` a nat. Early on a policy can collapse to the one picture that a young discriminator
            likes; the entropy bonus, small where nothing varies, takes minutes to undo that, and not all of it comes
            back. 0: none, as in the papers.
        entropy_floor_cost: see ``entropy_floor``.
        discount: gamma. The papers use 1.
        reward: ``final`` pays the score of the finished canvas, ``difference`` each stroke's gain (SPIRAL++).
        reward_source: ``discriminator`` pays its score, ``l2`` minus the mean squared difference between canvas and
            target (the paper's baseline), ``both`` their sum. The last two need ``conditional``.
        l2_weight: what the mean squared difference of pixels in [0, 1] is multiplied by. With ``both``, higher lets
            the pixels outweigh the discriminator.
        hindsight_weight: weight of the log-likelihood of each painting's own actions, given that painting as the target
            (hindsight: Andrychowicz et al. 2017; as supervision: Ghosh et al. 2021), those left out that, with the
            ``discount``, brought the canvas no nearer to it. What was painted is the one picture whose strokes are
            known: a conditional policy learns to trace from it long before its paintings resemble what it was asked
            for. Doubles the cost of an update; 0, as in the papers: none. With ``random_canvases`` it learns from those
            episodes instead.
        unroll_length: actions in a batch of experience; 0 for whole episodes, else a divisor of their number. Shorter
            unrolls bound the memory of long episodes, and learn from the value of the canvas where they are cut.
        normalize_reward: subtract a running mean from scores and divide them by their running spread.
        score_floor: divide scores by no less than this. A new discriminator, and one that sees a single picture, tells
            paintings apart by next to nothing; blown up to size, that collapses the policy within seconds.
        stroke_start_penalty: taken off at each start of a continuous stroke. Higher favours one line.
        empty_canvas_penalty: taken off where an episode painted nothing.
        addition_penalty: taken off for each line that is painted, or object that is added to a scene. Higher makes do
            with fewer, and leaves away what hardly shows. Hindsight weighs it against ``l2_weight`` times the squared
            error that the action takes off, whatever pays.
        advantage_floor: centre the advantages and divide them by the larger of their spread and this; 0 leaves
            them as they are. Without a floor normalisation amplifies noise once the entropy is low.
        rho_bar: V-trace's bound of the importance ratios in the temporal differences.
        c_bar: V-trace's bound of the trace coefficients.
        precision: ``bfloat16`` autocast, ``float32``, or ``auto``: bfloat16 where the hardware computes in it.
    """

    network: NetworkName = "paper"
    conditional: bool = False
    blind: bool = False
    noise_size: int = 10
    policy_learning_rate: float = 1e-4
    policy_final_learning_rate: float = 1e-4
    policy_warmup_updates: int = 0
    policy_betas: tuple[float, float] = (0.9, 0.999)
    policy_adam_epsilon: float = 1e-8
    gradient_clip: float = 10.0
    value_cost: float = 0.5
    entropy_cost: float = 1e-2
    final_entropy_cost: float = 1e-2
    entropy_floor: float = 0.0
    entropy_floor_cost: float = 0.2
    discount: float = 1.0
    reward: RewardName = "final"
    reward_source: RewardSource = "discriminator"
    l2_weight: float = 20.0
    hindsight_weight: float = 0.0
    unroll_length: int = 0
    normalize_reward: bool = False
    score_floor: float = 0.5
    stroke_start_penalty: float = 0.05
    empty_canvas_penalty: float = 1.0
    addition_penalty: float = 0.0
    advantage_floor: float = 0.0
    rho_bar: float = 1.0
    c_bar: float = 1.0
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        if self.reward_source != "discriminator" and not self.conditional:
            raise ValueError(
                f"reward_source: {self.reward_source} compares with a target, and there is one with conditional only; "
                "ask for both, or for discriminator"
            )
        if self.unroll_length < 0:
            raise ValueError(f"unroll_length: expected 0 (whole episodes) or more, got {self.unroll_length}")
        if not self.hindsight_weight >= 0:
            raise ValueError(f"hindsight_weight: expected 0 or more, got {self.hindsight_weight}")
        for name in ("entropy_floor", "entropy_floor_cost", "addition_penalty"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        if self.hindsight_weight and (self.unroll_length or not self.conditional):
            raise ValueError("hindsight_weight: needs conditional, and whole episodes (unroll_length 0); else give 0")


@dataclass(frozen=True)
class DiscriminatorSettings:
    """The discriminator and how it learns (defaults: the paper's, or the norm where it is silent).

    Attributes:
        adversary: ``wgan-gp`` (the paper), ``hinge`` or ``logistic`` (SPIRAL++).
        conditioning: what a conditional painter's discriminator sees: the ``pair`` of painting and target, on channels
            side by side (the paper), or a ``complement``: half of the target beside the other half of the painting
            (SPIRAL++), which need not match pixel for pixel. ``joint`` shows no target, but an image and the actions of
            the painting: a painting with those that painted it against the target with those that were to paint it (as
            Donahue et al. 2017 and Dumoulin et al. 2017 do with codes); it judges finished paintings only.
        spectral_norm: spectral normalisation of every layer; meant for ``hinge`` and ``logistic``.
        discriminator_width: channels of the first convolution; each further one doubles them.
        discriminator_learning_rate: Adam's step size.
        discriminator_betas: Adam's averaging; the paper states beta1 = 0.5.
        discriminator_batch: real images, and as many fakes, in one update.
        discriminator_updates: updates for each update of the policy; where the reward is ``l2``, which it does not pay,
            for each tenth one.
        gradient_penalty_weight: lambda of WGAN-GP (unstated in the paper; 10 is the norm).
        centering_weight: weight of the squared mean score (unstated in the paper).
    """

    adversary: AdversaryName = "wgan-gp"
    conditioning: Conditioning = "pair"
    spectral_norm: bool = False
    discriminator_width: int = 64
    discriminator_learning_rate: float = 1e-4
    discriminator_betas: tuple[float, float] = (0.5, 0.9)
    discriminator_batch: int = 64
    discriminator_updates: int = 1
    gradient_penalty_weight: float = 10.0
    centering_weight: float = 1e-3


@dataclass(frozen=True)
class TD3Settings:
    """TD3 and how its actors explore. Actions and noises are in units of half the action range: the actor's
    output lies in [-1, 1], whatever the world's range is.

    Attributes:
        hidden: widths of the hidden layers of actor and critics. Wider fits more and costs time.
        learning_rate: Adam's step size at the start, of actor and critics.
        final_learning_rate: step size that a linear decay reaches at the end of the run.
        batch: transitions of one update. Larger gives steadier gradients and fewer updates a second.
        discount: gamma. Irrelevant where an episode has one step.
        n_step: steps whose rewards are summed before the critic's estimate. More spreads rewards faster, and lets old
            actions of other policies into the target.
        polyak: share by which the target networks move towards the learned ones, each time the actor is updated.
        policy_delay: critic updates for each update of the actor.
        target_noise: spread of the noise on the target's action at the start. More smooths the critic over actions.
        target_noise_clip: bound of that noise, in multiples of its spread.
        saturation_penalty: weight of a penalty on the actor for driving its tanh beyond 2. 0 is TD3 as published: its
            actor can stay in a corner of the action range for long. Higher: actions keep away from the range's ends.
        exploration_noise: spread of the noise on actors' actions at the start. More tries more and acts worse.
        final_noise_share: share of both noises that a linear decay leaves at the end of the run.
        noise_ladder: the noisiest actor's noise is this many times the mean's, the quietest's as many times less.
        prior_share: share of actions that are drawn from the world's prior throughout, so that the replay never
            forgets what the policy gave up.
        warmup_steps: transitions that are drawn from the prior before the policy acts and learning begins.
        relabel_share: share of sampled transitions whose task is replaced by one that they happened to solve, where
            the world can tell. More learns from failures sooner; too much forgets what is hard to reach.
        samples_per_insert: transitions that are learned from for each one stored, on average. Higher reuses more and
            needs fewer actors; whoever is ahead waits for the other. 0 lets both go as fast as they can.
        insert_slack: transitions by which actors may be ahead, or behind, before anyone waits.
        replay_capacity: transitions that the shared replay holds.
        updates_per_order: updates that the learner makes between two looks at the replay and publications of weights.
    """

    hidden: tuple[int, ...] = (256, 256)
    learning_rate: float = 1e-3
    final_learning_rate: float = 5e-5
    batch: int = 256
    discount: float = 0.99
    n_step: int = 1
    polyak: float = 0.005
    policy_delay: int = 2
    target_noise: float = 0.2
    target_noise_clip: float = 2.5
    saturation_penalty: float = 0.1
    exploration_noise: float = 0.2
    final_noise_share: float = 0.25
    noise_ladder: float = 2.0
    prior_share: float = 0.1
    warmup_steps: int = 5_000
    relabel_share: float = 0.6
    samples_per_insert: float = 32.0
    insert_slack: int = 4_096
    replay_capacity: int = 200_000
    updates_per_order: int = 16

    def __post_init__(self) -> None:
        for name in ("batch", "n_step", "policy_delay", "replay_capacity", "updates_per_order", "noise_ladder"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        for name in ("discount", "polyak", "prior_share", "relabel_share", "final_noise_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share of 0 to 1, got {getattr(self, name)}")
        for name in (
            "saturation_penalty",
            "target_noise",
            "exploration_noise",
            "warmup_steps",
            "samples_per_insert",
            "insert_slack",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        if not self.hidden or any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden: expected widths of at least 1, got {self.hidden}")

    def noise_share(self, progress: float) -> float:
        """What is left of the noises at ``progress`` of the run, in [0, 1]."""
        return 1.0 + (self.final_noise_share - 1.0) * progress

"""Settings of policies, discriminators and their learners, and the two presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NetworkName = Literal["laptop", "paper"]
RewardName = Literal["final", "difference"]
RewardSource = Literal["discriminator", "l2", "both"]
Conditioning = Literal["pair", "complement", "joint"]
AdversaryName = Literal["wgan-gp", "hinge", "logistic"]
Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class PolicySettings:
    """The policy and how it learns (defaults: the paper's, or the norm where it is silent).

    Attributes:
        network: ``paper`` (60 M multiply-adds a step, LSTM) or ``laptop`` (1 M, for CPUs).
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
        discount: gamma. The papers use 1.
        reward: ``final`` pays the score of the finished canvas, ``difference`` each stroke's gain (SPIRAL++).
        reward_source: ``discriminator`` pays its score, ``l2`` minus the mean squared difference between canvas and
            target (the paper's baseline), ``both`` their sum. The last two need ``conditional``.
        l2_weight: what the mean squared difference of pixels in [0, 1] is multiplied by. With ``both``, higher lets
            the pixels outweigh the discriminator.
        unroll_length: actions in a batch of experience; 0 for whole episodes, else a divisor of their number. Shorter
            unrolls bound the memory of long episodes, and learn from the value of the canvas where they are cut.
        normalize_reward: subtract a running mean from scores and divide them by their running spread.
        score_floor: divide scores by no less than this. A new discriminator, and one that sees a single picture, tells
            paintings apart by next to nothing; blown up to size, that collapses the policy within seconds.
        stroke_start_penalty: taken off at each start of a continuous stroke. Higher favours one line.
        empty_canvas_penalty: taken off where an episode painted nothing.
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
    discount: float = 1.0
    reward: RewardName = "final"
    reward_source: RewardSource = "discriminator"
    l2_weight: float = 20.0
    unroll_length: int = 0
    normalize_reward: bool = False
    score_floor: float = 0.5
    stroke_start_penalty: float = 0.05
    empty_canvas_penalty: float = 1.0
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
        discriminator_updates: updates for each update of the policy.
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

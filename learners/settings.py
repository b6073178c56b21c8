"""Settings of policies, discriminators and their learners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Interval

from envs.ranges import Count, Natural, NotNegative, Positive, Share, check_ranges

NetworkName = Literal["laptop", "paper", "glimpse", "picture", "line"]
RewardName = Literal["final", "difference"]
RewardSource = Literal["discriminator", "l2", "both"]
Conditioning = Literal["pair", "complement", "joint"]
AdversaryName = Literal["wgan-gp", "hinge", "logistic"]
ComputedPrecision = Literal["float32", "bfloat16"]
Precision = Literal["auto", "float32", "bfloat16"]
Beta = Annotated[float, Interval(ge=0, lt=1)]
"""An averaging factor of Adam."""


@dataclass(frozen=True)
class PolicySettings:
    """The policy and its learner (defaults: the paper's, or common ones if the paper states none).

    Attributes:
        network: `paper` (the published one, 60 M multiply-adds a step, LSTM), `laptop` (1 M, for CPUs) or `glimpse` (7
            M, for CPUs; one network looks at every location, which finds objects of a scene sooner). `picture` and
            `line` reproduce with free strokes, in color with brushes of many sizes, or with a pen.
        conditional: give each episode a target image from the data to reproduce. The policy sees it beside the canvas,
            and the discriminator sees both. Without it the policy paints freely.
        blind: show the policy a white canvas instead of its painting.
        noise_size: numbers of N(0, 1) noise for each episode. More allow more variety; usual: 10.
        policy_learning_rate: Adam's step size at the start. Higher learns faster and collapses sooner; usual: 1e-5 to
            1e-3.
        policy_final_learning_rate: step size at the end of the run, reached linearly. Lower settles more at the end;
            usual: a tenth of `policy_learning_rate` up to all of it.
        policy_warmup_updates: first updates, in which the step size rises from 0. More keep the policy from committing
            itself to what a young discriminator happens to score high; usual: 0 to 500.
        policy_betas: Adam's averaging factors of gradients and squares. Higher averages over more updates; usual: 0 to
            0.9 and 0.9 to 0.999.
        policy_adam_epsilon: Adam's epsilon. Higher damps small gradients; usual: 1e-8 to 1e-5.
        gradient_clip: largest norm of the gradient of all weights. Lower limits the harm of unusual batches and slows
            learning; usual: 0.5 to 40.
        value_cost: weight of the value loss. Higher fits values sooner at the cost of the policy; usual: 0.25 to 1.
        entropy_cost: weight of the entropy bonus at the start. Too low collapses to one picture, too high keeps actions
            random; usual: 1e-3 to 1e-1.
        final_entropy_cost: weight of the entropy bonus at the end of the run, reached linearly. Lower commits the
            policy more at the end; usual: a tenth of `entropy_cost` up to all of it.
        entropy_floor: minimum mean entropy in nats per action; each nat below it adds `entropy_floor_cost` to the loss.
            Higher prevents the collapse to one picture in the first minutes, too high keeps actions random. 0 disables
            it, as in the papers; usual: 0 to 3.
        entropy_floor_cost: loss for each nat of entropy below `entropy_floor`. Higher holds the floor more strictly;
            usual: 0.05 to 1.
        discount: gamma. 1, as in the papers, credits all strokes of a painting alike; lower credits a stroke with its
            near future only; usual: 0.7 to 1.
        reward: `final` pays the score of the finished canvas, `difference` each stroke's gain (SPIRAL++).
        reward_source: `discriminator` pays its score, `l2` minus the mean squared difference between canvas and target
            (the paper's baseline), `both` their sum. The last two need `conditional`.
        l2_weight: factor of the mean squared difference of pixels in [0, 1]. With `both`, higher lets the pixels
            outweigh the discriminator; usual: 5 to 200.
        hindsight_weight: weight of the log-likelihood of a painting's own actions with that painting as the target
            (hindsight: Andrychowicz et al. 2017; as supervision: Ghosh et al. 2021). Actions that brought the canvas no
            nearer, with the `discount`, are left out. Higher teaches a conditional policy to trace its target long
            before its paintings resemble it, and doubles the cost of an update. 0, as in the papers, disables it;
            usual: 0.1 to 1. With `random_canvases` hindsight learns from those episodes instead.
        unroll_length: actions in a batch of experience, a divisor of the episode's actions; 0 for whole episodes.
            Shorter bounds the memory that long episodes take and relies on value estimates where episodes are cut;
            usual: 0, or 20 to 50.
        normalize_reward: subtract a running mean from the scores and divide them by their running spread.
        score_floor: smallest divisor of the scores. Lower amplifies the tiny differences that a new discriminator sees,
            which can collapse the policy within seconds; usual: 0.1 to 1.
        stroke_start_penalty: taken off the reward at each start of a continuous stroke. Higher paints fewer, longer
            lines; usual: 0 to 0.1.
        empty_canvas_penalty: taken off the reward if an episode painted nothing. Higher makes the policy paint at all;
            usual: 0 to 1.
        addition_penalty: taken off the reward for each painted line, or object added to a scene. Higher uses fewer and
            omits those that hardly show; usual: 0 to 0.1. Hindsight weighs it against `l2_weight` times the squared
            error that the action removes, for every `reward_source`.
        advantage_floor: center the advantages and divide them by the larger of their spread and this; 0 leaves them as
            they are. Lower amplifies noise once the entropy is low; usual: 0.1 to 1.
        rho_bar: bound of V-trace's importance ratios in the temporal differences. Lower reduces variance and moves
            values toward those of the acting policy; usual: 1.
        c_bar: bound of V-trace's trace coefficients. Lower carries corrections less far back; usual: 1.
        precision: `bfloat16` autocast, `float32`, or `auto`: bfloat16 where it is faster, which CPUs measure. Logits
            and log-probabilities are float32 in any case. The policy's learner computes its policy as the actors did:
            `auto` gives a GPU float32 where actors have no bfloat16; `bfloat16` for both then learns faster there, and
            acts slower.
    """

    network: NetworkName = "paper"
    conditional: bool = False
    blind: bool = False
    noise_size: Natural = 10
    policy_learning_rate: NotNegative = 1e-4
    policy_final_learning_rate: NotNegative = 1e-4
    policy_warmup_updates: Natural = 0
    policy_betas: tuple[Beta, Beta] = (0.9, 0.999)
    policy_adam_epsilon: NotNegative = 1e-8
    gradient_clip: Positive = 10.0
    value_cost: NotNegative = 0.5
    entropy_cost: NotNegative = 1e-2
    final_entropy_cost: NotNegative = 1e-2
    entropy_floor: NotNegative = 0.0
    entropy_floor_cost: NotNegative = 0.2
    discount: Share = 1.0
    reward: RewardName = "final"
    reward_source: RewardSource = "discriminator"
    l2_weight: NotNegative = 20.0
    hindsight_weight: NotNegative = 0.0
    unroll_length: Natural = 0
    normalize_reward: bool = False
    score_floor: NotNegative = 0.5
    stroke_start_penalty: float = 0.05
    empty_canvas_penalty: float = 1.0
    addition_penalty: NotNegative = 0.0
    advantage_floor: NotNegative = 0.0
    rho_bar: Positive = 1.0
    c_bar: Positive = 1.0
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.reward_source != "discriminator" and not self.conditional:
            raise ValueError(
                f"reward_source: {self.reward_source} compares with a target, and only conditional painters have one; "
                "ask for both, or for discriminator"
            )
        if self.hindsight_weight and (self.unroll_length or not self.conditional):
            raise ValueError("hindsight_weight: needs conditional, and whole episodes (unroll_length 0); else give 0")


@dataclass(frozen=True)
class DiscriminatorSettings:
    """The discriminator and its learner (defaults: the paper's, or common ones if the paper states none).

    Attributes:
        adversary: loss: `wgan-gp` (the paper's), `hinge` or `logistic` (SPIRAL++).
        conditioning: images that the discriminator of a conditional painter sees. `pair`: painting and target on
            channels side by side (the paper). `complement`: half of the target beside the other half of the painting
            (SPIRAL++), which need not match pixel by pixel. `joint`: a painting with the actions that painted it, or a
            target with the actions that were to paint it (as Donahue et al. 2017 and Dumoulin et al. 2017 do with
            codes); for finished paintings only.
        spectral_norm: spectral normalization of every layer; meant for `hinge` and `logistic`.
        discriminator_width: channels of the first convolution; each further one doubles them. Wider tells more apart
            and costs time; usual: 16 to 64.
        discriminator_learning_rate: Adam's step size. Higher follows the painter sooner and may outrun it; usual: 1e-5
            to 5e-4.
        discriminator_betas: Adam's averaging factors; the paper states beta1 = 0.5. Higher averages over more updates;
            usual: 0 to 0.5 and 0.9 to 0.999.
        discriminator_batch: real images, and as many fakes, in an update. Larger: steadier and slower; usual: 32 to
            128.
        discriminator_updates: discriminator updates per policy update. With reward `l2`, which the discriminator does
            not pay, the discriminator is updated every tenth policy update, for monitoring. More fit it better to the
            present paintings and cost time; usual: 1 to 5.
        gradient_penalty_weight: weight of WGAN-GP's gradient penalty. Higher holds slopes closer to 1; usual: 10.
        centering_weight: weight of the squared mean score, which keeps WGAN-GP's scores near 0. Higher: more strictly;
            usual: 0 to 1e-2.
    """

    adversary: AdversaryName = "wgan-gp"
    conditioning: Conditioning = "pair"
    spectral_norm: bool = False
    discriminator_width: Count = 64
    discriminator_learning_rate: NotNegative = 1e-4
    discriminator_betas: tuple[Beta, Beta] = (0.5, 0.9)
    discriminator_batch: Count = 64
    discriminator_updates: Natural = 1
    gradient_penalty_weight: NotNegative = 10.0
    centering_weight: NotNegative = 1e-3

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class TD3Settings:
    """TD3 and the exploration of its actors.

    Actions and noises are in units of half the action range: the actor's output lies in [-1, 1] in every world.

    Attributes:
        hidden: widths of the hidden layers of actor and critics. Wider fits more and costs time; usual: two of 64 to
            512.
        learning_rate: Adam's step size at the start, of actor and critics. Higher learns faster and less stably; usual:
            1e-4 to 1e-3.
        final_learning_rate: step size at the end of the run, reached linearly. Lower settles more at the end; usual: a
            twentieth of `learning_rate` up to all of it.
        batch: transitions of one update. Larger gives steadier gradients and fewer updates a second; usual: 64 to 512.
        discount: gamma. Higher looks further ahead and makes the critics' task harder; usual: 0.95 to 0.995. It has no
            effect on episodes of one step.
        n_step: steps whose rewards are summed before the critic's estimate. More spreads rewards faster and puts more
            actions of older policies into the target; usual: 1 to 5.
        polyak: share by which the target networks move to the learned ones at each actor update. Higher follows sooner
            and is less stable; usual: 0.001 to 0.01.
        policy_delay: critic updates per actor update. Higher gives the actor a better critic and fewer updates; usual:
            2.
        target_noise: standard deviation of the noise on the target's action at the start. Higher smooths the critic
            over actions; usual: 0.1 to 0.3.
        target_noise_clip: bound of that noise, in multiples of its standard deviation; usual: 2.5.
        saturation_penalty: weight of a penalty on the actor for driving its tanh beyond 2. Higher keeps actions away
            from the ends of their range. 0 is TD3 as published, whose actor can stay in a corner of the range for long;
            usual: 0 to 1.
        exploration_noise: standard deviation of the noise on the actors' actions at the start. Higher tries more and
            acts worse; usual: 0.1 to 0.3.
        final_noise_share: share of both noises that is left at the end of the run, reached linearly. Lower settles
            more; usual: 0 to 0.5.
        noise_ladder: factor between the noise of the noisiest actor and `exploration_noise`, and between that and the
            noise of the quietest. Higher spreads the actors more; 1 treats all alike; usual: 1 to 4.
        prior_share: share of actions that are drawn from the world's prior throughout. Higher keeps the replay more
            varied and reports worse returns; usual: 0 to 0.2.
        warmup_steps: transitions that are drawn from the prior before the policy acts and learning begins. More start
            from a more varied replay, later; usual: 1e3 to 25e3.
        relabel_share: share of sampled transitions whose task is replaced by one that they happened to solve, in worlds
            that can tell. Higher learns from failures sooner; too high forgets what is hard to reach; usual: 0 to 0.8.
        samples_per_insert: transitions that are learned from for each stored one, on average. Higher needs fewer actors
            and reuses old experience more; the side that is ahead waits for the other. 0 lets both run freely; usual: 1
            to 256.
        insert_slack: transitions that actors may be ahead or behind before either side waits. Higher waits less and
            keeps to `samples_per_insert` less closely; usual: 10 to 100 batches.
        replay_capacity: transitions that the shared replay holds. Higher forgets later and takes more memory; usual:
            1e5 to 1e6.
        updates_per_order: learner updates between two requests to the replay, each followed by a publication of
            weights. Higher costs less communication and lets the actors' weights grow older; usual: 8 to 64.
    """

    hidden: tuple[Count, ...] = (256, 256)
    learning_rate: NotNegative = 1e-3
    final_learning_rate: NotNegative = 5e-5
    batch: Count = 256
    discount: Share = 0.99
    n_step: Count = 1
    polyak: Share = 0.005
    policy_delay: Count = 2
    target_noise: NotNegative = 0.2
    target_noise_clip: NotNegative = 2.5
    saturation_penalty: NotNegative = 0.1
    exploration_noise: NotNegative = 0.2
    final_noise_share: Share = 0.25
    noise_ladder: Annotated[float, Ge(1)] = 2.0
    prior_share: Share = 0.1
    warmup_steps: Natural = 5_000
    relabel_share: Share = 0.6
    samples_per_insert: NotNegative = 32.0
    insert_slack: Natural = 4_096
    replay_capacity: Count = 200_000
    updates_per_order: Count = 16

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.hidden:
            raise ValueError("hidden: expected at least one width, got none")

    def noise_share(self, progress: float) -> float:
        """Share of the initial noises that is left at `progress` of the run, in [0, 1]."""
        return 1.0 + (self.final_noise_share - 1.0) * progress

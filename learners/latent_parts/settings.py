"""Settings of the training of the frozen parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from envs.latent.networks import ImageShape
from envs.latent.parts import PartsShape
from envs.ranges import Count, NotNegative, Positive, Share, check_ranges

OF_READERS = (
    "latent",
    "encoder_width",
    "decoder_width",
    "classifier_width",
    "parts_batch",
    "autoencoder_epochs",
    "autoencoder_learning_rate",
    "denoise",
    "denoise_max_sigma",
    "label_weight",
    "classifier_epochs",
    "classifier_learning_rate",
    "parts_seed",
)
"""Settings that auto-encoder and classifier depend on; the others concern the GAN on top of them."""


@dataclass(frozen=True)
class PartsSettings:
    """Training of the frozen parts. Any change makes other parts, which are kept beside the first.

    Attributes:
        latent: numbers that the auto-encoder keeps of an image. More keep more detail and give the GAN more to learn;
            usual: 16 to 64.
        z: numbers from which the GAN makes a latent, the agent's action. Few limit what the agent can reach (the paper
            found 2 worse than 5), many widen its search; usual: 5 to 32.
        encoder_width: channels of the encoder's first convolution. Higher reads better and slower; usual: 8 to 32.
        decoder_width: units of the decoder's last hidden layer; the one before has half as many. Higher is sharper and
            slower; usual: 128 to 1024.
        classifier_width: channels of the first convolution of the reward's classifier. Higher is better and slower;
            usual: 8 to 32.
        gan_width: units of the hidden layers of generator and discriminator. Higher fits closer and is slower; usual:
            64 to 512.
        parts_batch: images in an update of auto-encoder and classifier. Larger makes fewer, less noisy updates; usual:
            64 to 512.
        autoencoder_epochs: passes of the auto-encoder over the data. More are sharper and take proportionally longer;
            usual: 5 to 30.
        autoencoder_learning_rate: peak of the auto-encoder's one-cycle schedule. Higher learns faster and is unstable
            beyond about 5e-3; usual: 1e-3 to 5e-3.
        denoise: share of images, 0 to 1, that the encoder sees with noise while the decoder has to show them clean.
            Higher makes latents less sensitive to noise and images slightly blurrier; usual: 0 to 0.5.
        denoise_max_sigma: largest standard deviation of that noise, for pixels in [0, 1]; each image's is drawn from 0
            to this. Higher as for `denoise`; usual: 0.3 to 0.7.
        label_weight: weight of the cross-entropy of a linear classifier on the latent, beside the sum of the pixels'
            losses. Higher keeps the class, so that images are read right, at some cost in sharpness. 0 hides the labels
            from the auto-encoder; usual: 0 to 20.
        classifier_epochs: passes of the reward's classifier over the data. More are better and take proportionally
            longer; usual: 1 to 5.
        classifier_learning_rate: peak of the classifier's one-cycle schedule. Higher learns faster and less stably;
            usual: 1e-3 to 5e-3.
        adversary: `hinge` with spectral normalization (Miyato et al. 2018), or `wgan-gp` (Gulrajani et al. 2017), the
            paper's.
        gan_updates: updates of the generator. More fit closer and take proportionally longer; usual: 5e3 to 50e3.
        gan_batch: latents in an update. Larger is steadier and slower; usual: 64 to 256.
        gan_learning_rate: Adam's step size of the generator at the start, which decays linearly to a tenth. Higher
            learns faster and less stably; usual: 1e-4 to 2e-3.
        critic_speed: step size of the discriminator in multiples of `gan_learning_rate`. Higher keeps the discriminator
            ahead; usual: 0.5 to 4.
        critic_updates: updates of the discriminator per update of the generator. Higher keeps the discriminator ahead
            and takes longer; usual: 1, or 5 for WGAN-GP.
        spectral_gain: spectral norm of the hinge discriminator's layers. Higher gives a sharper discriminator and
            latents nearer to the data, and becomes unstable at some point; no effect on WGAN-GP; usual: 1 to 3.
        gradient_penalty: weight of WGAN-GP's penalty. Higher holds slopes closer to 1; no effect on hinge; usual: 10.
        ema: decay of the moving average of the generator's weights, which is kept. Higher averages over more updates;
            usual: 0.99 to 0.9999.
        balance: show the GAN every class equally often. Without it a rare class can vanish.
        minimum_class_share: share of the GAN's samples that must be confidently of each class. Higher rejects more
            GANs. At most 0.3 of an equal share is asked for (3 % of ten classes), so only lowering it has an effect
            there; usual: 0 to 0.03.
        gan_attempts: GANs that are trained, with other random numbers, before the training gives up. Higher succeeds
            more often and may take longer; usual: 1 to 5.
        parts_seed: seed of everything random in the training.
    """

    latent: Count = 32
    z: Count = 16
    encoder_width: Count = 16
    decoder_width: Count = 512
    classifier_width: Count = 16
    gan_width: Count = 256
    parts_batch: Count = 256
    autoencoder_epochs: Count = 14
    autoencoder_learning_rate: Positive = 3e-3
    denoise: Share = 0.5
    denoise_max_sigma: NotNegative = 0.7
    label_weight: NotNegative = 10.0
    classifier_epochs: Count = 2
    classifier_learning_rate: Positive = 3e-3
    adversary: Literal["hinge", "wgan-gp"] = "hinge"
    gan_updates: Count = 12_000
    gan_batch: Count = 128
    gan_learning_rate: Positive = 1e-3
    critic_speed: Positive = 1.0
    critic_updates: Count = 1
    spectral_gain: Positive = 2.0
    gradient_penalty: NotNegative = 10.0
    ema: Share = 0.999
    balance: bool = True
    minimum_class_share: Share = 0.03
    gan_attempts: Count = 3
    parts_seed: int = 0

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.adversary not in ("hinge", "wgan-gp"):
            raise ValueError(f"adversary: expected hinge or wgan-gp, got {self.adversary!r}")

    def of_readers(self) -> PartsSettings:
        """Settings of auto-encoder and classifier alone: the GAN is the smallest, its training left at the defaults."""
        given = {name: getattr(self, name) for name in OF_READERS}
        return PartsSettings(z=1, gan_width=1, **given)

    def shape(self, image_shape: ImageShape, classes: int) -> PartsShape:
        """Sizes of the networks for images of this shape and this number of classes."""
        return PartsShape(
            image_shape=image_shape,
            classes=classes,
            latent=self.latent,
            z=self.z,
            encoder_width=self.encoder_width,
            decoder_width=self.decoder_width,
            classifier_width=self.classifier_width,
            gan_width=self.gan_width,
        )

"""Settings of the frozen parts' training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from envs.latent.networks import ImageShape
from envs.latent.parts import PartsShape

#: What decides auto-encoder and classifier; the rest concerns the GAN on top of them.
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


@dataclass(frozen=True)
class PartsSettings:
    """How the frozen parts are made. Any change makes others, kept beside the first.

    Attributes:
        latent: numbers that the auto-encoder keeps of an image. More keep more detail and give the GAN more to learn.
        z: numbers that the GAN makes a latent from: the agent's action. Few limit what it can reach (the paper found 2
            worse than 5), many make the agent's search wider.
        encoder_width: channels of the encoder's first convolution. Higher: reads better, slower.
        decoder_width: units of the decoder's layer next to the image; half as many before. Higher: sharper, slower.
        classifier_width: channels of the first convolution of the reward's classifier. Higher: better and slower.
        gan_width: units of the hidden layers of generator and discriminator. Higher: a closer fit, slower.
        parts_batch: images in an update of auto-encoder and classifier. Larger: fewer, less noisy updates.
        autoencoder_epochs: passes of the auto-encoder over the data. More: sharper, proportionally longer.
        autoencoder_learning_rate: peak of its one-cycle schedule. Unstable beyond about 5e-3.
        denoise: share of images, 0 to 1, that the encoder sees with noise while the decoder is to show them clean.
            Higher: latents that noise changes less, and slightly blurrier images.
        denoise_max_sigma: standard deviation of that noise is drawn from 0 to this, pixels being 0 to 1.
        label_weight: weight of the cross-entropy of a linear classifier on the latent, beside the sum of the pixels'.
            Higher: latents that keep the class, whose images are read right, at some cost in sharpness. 0: the
            auto-encoder never sees labels.
        classifier_epochs: passes of the reward's classifier. More: better, proportionally longer.
        classifier_learning_rate: peak of its one-cycle schedule.
        adversary: ``hinge`` with spectral normalisation (Miyato et al. 2018), or ``wgan-gp`` (Gulrajani et al. 2017),
            the paper's.
        gan_updates: updates of the generator. More: a closer fit, proportionally longer.
        gan_batch: latents in an update. Larger: steadier and slower.
        gan_learning_rate: of generator and discriminator; the discriminator's is ``critic_speed`` times that. Decays
            linearly to a tenth.
        critic_speed: see ``gan_learning_rate``. Higher: a discriminator that keeps ahead.
        critic_updates: updates of the discriminator for each of the generator's (WGAN-GP was published with 5).
        spectral_gain: spectral norm that the hinge discriminator's layers get. Higher: a sharper discriminator, outputs
            nearer to the data, unstable at some point; without effect on WGAN-GP.
        gradient_penalty: weight of WGAN-GP's penalty; without effect on hinge.
        ema: decay of the moving average of the generator's weights that is kept; higher averages over longer.
        balance: whether the GAN sees every class equally often. Without, a rare class can vanish.
        minimum_class_share: gate: share of the GAN's samples that must be confidently of each class; at most 0.3 of an
            equal share is asked for (3 % of ten classes), so only lowering it has an effect there.
        gan_attempts: GANs trained, with other random numbers, before the gate gives up.
        parts_seed: of everything random here.
    """

    latent: int = 32
    z: int = 16
    encoder_width: int = 16
    decoder_width: int = 512
    classifier_width: int = 16
    gan_width: int = 256
    parts_batch: int = 256
    autoencoder_epochs: int = 14
    autoencoder_learning_rate: float = 3e-3
    denoise: float = 0.5
    denoise_max_sigma: float = 0.7
    label_weight: float = 10.0
    classifier_epochs: int = 2
    classifier_learning_rate: float = 3e-3
    adversary: Literal["hinge", "wgan-gp"] = "hinge"
    gan_updates: int = 12_000
    gan_batch: int = 128
    gan_learning_rate: float = 1e-3
    critic_speed: float = 1.0
    critic_updates: int = 1
    spectral_gain: float = 2.0
    gradient_penalty: float = 10.0
    ema: float = 0.999
    balance: bool = True
    minimum_class_share: float = 0.03
    gan_attempts: int = 3
    parts_seed: int = 0

    def __post_init__(self) -> None:
        counts = ("parts_batch", "autoencoder_epochs", "classifier_epochs", "gan_updates", "gan_batch")
        for name in ("latent", "z", "gan_width", *counts, "critic_updates", "gan_attempts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        for name in (
            "autoencoder_learning_rate",
            "classifier_learning_rate",
            "gan_learning_rate",
            "critic_speed",
            "spectral_gain",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected more than 0, got {getattr(self, name)}")
        for name in ("denoise", "ema", "minimum_class_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected 0 to 1, got {getattr(self, name)}")
        if self.label_weight < 0:
            raise ValueError(f"label_weight: expected 0 or more, got {self.label_weight}")
        if self.adversary not in ("hinge", "wgan-gp"):
            raise ValueError(f"adversary: expected hinge or wgan-gp, got {self.adversary!r}")

    def of_readers(self) -> PartsSettings:
        """These settings with all that only concerns the GAN left at its default, and the smallest GAN."""
        given = {name: getattr(self, name) for name in OF_READERS}
        return PartsSettings(z=1, gan_width=1, **given)

    def shape(self, image_shape: ImageShape, classes: int) -> PartsShape:
        """The networks' sizes for data of this shape."""
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

"""The frozen parts of the latent world: networks that are trained before the agent and do not change after."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from envs.latent.features import FeatureLayout, Outcome
from envs.latent.measures import measure
from envs.latent.networks import Convolutions, Decoder, Generator, ImageShape, LatentDiscriminator
from envs.untrusted import open_file, parse_json

_BATCH = 1000


@dataclass(frozen=True)
class PartsShape:
    """Sizes of the frozen parts; a file of weights fits only the same sizes.

    Attributes:
        image_shape: (H, W, C) of the images.
        classes: K, classes of the data; 0 for data without labels, which then have no classifier.
        latent: L, numbers that the auto-encoder keeps of an image. More keep more detail and give the GAN more to
            learn.
        z: numbers that the GAN's generator makes a latent from: the agent's action. Few limit what it can reach
            (the paper found 2 worse than 5), many make the agent's search wider.
        encoder_width: channels of the encoder's first convolution. Higher: reads better, slower.
        decoder_width: units of the decoder's layer next to the image; half as many before. Higher: sharper, slower.
        classifier_width: channels of the classifier's first convolution.
        gan_width: units of the hidden layers of generator and discriminator.
    """

    image_shape: ImageShape = (28, 28, 1)
    classes: int = 10
    latent: int = 32
    z: int = 16
    encoder_width: int = 16
    decoder_width: int = 512
    classifier_width: int = 16
    gan_width: int = 256

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            sizes = size if isinstance(size, tuple) and len(size) == 3 else (size,)
            if not all(isinstance(each, int) for each in sizes):
                raise ValueError(f"{name}: expected whole numbers, got {size}")
        for name in ("latent", "z", "encoder_width", "decoder_width", "classifier_width", "gan_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if min(self.image_shape) < 1 or self.classes < 0:
            raise ValueError(
                f"image_shape, classes: expected sizes > 0 and >= 0, got {self.image_shape}, {self.classes}"
            )

    @property
    def layout(self) -> FeatureLayout:
        """Columns of features and source."""
        return FeatureLayout(self.classes, self.latent)


class FrozenParts(nn.Module):
    """Encoder, decoder, generator, discriminator and classifier, and the statistics of real images under them.

    Latents are standardized: `encode` returns, and `decode` and the GAN take, numbers of mean 0 and variance 1 over the
    training images. Attribute `report` holds the measurements of their training (JSON-able).
    """

    latent_mean: Tensor
    latent_std: Tensor
    realism_mean: Tensor
    realism_std: Tensor
    class_latent_mean: Tensor
    class_latent_std: Tensor
    class_style_mean: Tensor
    class_style_std: Tensor

    def __init__(self, shape: PartsShape) -> None:
        super().__init__()
        self.shape = shape
        self.report: dict[str, object] = {}
        image, latent = shape.image_shape, shape.latent
        self.encoder = Convolutions(image, latent, shape.encoder_width, 8 * latent)
        self.decoder = Decoder(image, latent, shape.decoder_width)
        self.generator = Generator(shape.z, latent, shape.gan_width)
        self.discriminator = LatentDiscriminator(latent, shape.gan_width)
        self.classifier: Convolutions | None = None
        if shape.classes:
            self.classifier = Convolutions(image, shape.classes, shape.classifier_width, 64)
        rows = max(shape.classes, 1)  # data without labels are one class
        for name, sizes in {
            "latent_mean": (latent,),
            "realism_mean": (),
            "class_latent_mean": (rows, latent),
            "class_style_mean": (rows, 4),
        }.items():
            self.register_buffer(name, torch.zeros(sizes))
            self.register_buffer(name.replace("_mean", "_std"), torch.ones(sizes))
        self.eval().requires_grad_(False)

    def encode(self, images: Tensor) -> Tensor:
        """Encode images float32 [N, C, H, W] in [0, 1] as standardized latents float32 [N, L]."""
        latent: Tensor = (self.encoder(images) - self.latent_mean) / self.latent_std
        return latent

    def decode(self, latent: Tensor) -> Tensor:
        """Decode standardized latents float32 [N, L] to images float32 [N, C, H, W] in [0, 1]."""
        return torch.sigmoid(self.decoder(latent * self.latent_std + self.latent_mean))

    def realism(self, latent: Tensor) -> Tensor:
        """The discriminator's score of standardized latents, itself standardized on real ones: float32 [N]."""
        score: Tensor = (self.discriminator(latent) - self.realism_mean) / self.realism_std
        return score

    def probabilities(self, images: Tensor) -> Tensor:
        """Class probabilities float32 [N, K] of images float32 [N, C, H, W] in [0, 1]; K = 0 without a classifier."""
        if self.classifier is None:
            return images.new_zeros((len(images), 0))
        return functional.softmax(self.classifier(images), dim=1)

    def outcome(self, latent: Tensor) -> Outcome:
        """Outcome of standardized latents float32 [N, L], which are decoded for it; differentiable."""
        return self.look(latent)[0]

    def look(self, latent: Tensor) -> tuple[Outcome, Tensor]:
        """Outcome and decoded images float32 [N, C, H, W] of standardized latents float32 [N, L]; differentiable."""
        images = self.decode(latent)
        return Outcome(self.probabilities(images), self.realism(latent), measure(images), latent), images

    def encode_all(self, images: Tensor) -> Tensor:
        """Encode images without gradients, in batches, so that memory stays small."""
        with torch.inference_mode():
            return torch.cat([self.encode(part) for part in torch.split(images, _BATCH)])

    def save(self, path: Path) -> None:
        """Write everything into one safetensors file."""
        metadata = {"shape": json.dumps(asdict(self.shape)), "report": json.dumps(self.report)}
        save_file({name: value.contiguous() for name, value in self.state_dict().items()}, path, metadata)

    @classmethod
    def load(cls, path: Path) -> FrozenParts:
        """Read a file that `save` wrote.

        Raises:
            ValueError: the file is missing, damaged, or something else.
        """
        try:
            open_file(path).close()  # a pipe would be waited for
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                shape = parse_json(metadata["shape"])
                shape["image_shape"] = tuple(shape["image_shape"])
                with torch.device("meta"):  # so that no more is allocated than the file holds
                    parts = cls(PartsShape(**shape))
                parts.report = parse_json(metadata["report"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                if not all(tensor.dtype == torch.float32 for tensor in tensors.values()):
                    raise ValueError("its weights are not float32")
                parts.load_state_dict(tensors, assign=True)
                parts.requires_grad_(False)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, ArithmeticError) as error:
            raise ValueError(f"{path}: holds no frozen parts ({' '.join(str(error).split())[:200]})") from None
        return parts

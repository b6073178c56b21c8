"""Evaluation of translating policies on test images, by a judge that no reward uses."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cluster.evaluation.diversity import diversity, style_report
from cluster.evaluation.frechet import frechet_distance
from cluster.latent.judge import LatentJudge
from cluster.latent.translation import Policy, to_bytes, translate
from envs.latent.data import LatentImages
from envs.latent.features import Source
from envs.latent.measures import measure, style
from envs.latent.networks import to_unit
from envs.latent.rules import Ints, LatentRules, add_noise

SIGMAS = tuple(round(0.1 * step, 1) for step in range(11))
"""Standard deviations of the noise curve, pixels being 0 to 1."""


class LatentEvaluation:
    """Test images and their measures, for evaluating any number of policies of the same world."""

    def __init__(
        self, rules: LatentRules, test: LatentImages, judge: LatentJudge, *, limit: int = 0, seed: int = 0
    ) -> None:
        """Measure the test images once.

        Args:
            rules: Of the world.
            test: Test split, with labels.
            judge: See `cluster.latent.judge`.
            limit: Number of images, drawn at random; 0 for all. Publish figures of all images only.
            seed: Of noise and draws.

        Raises:
            ValueError: The images have no labels.
        """
        if test.labels is None:
            raise ValueError(f"{test.name}: an evaluation needs labels")
        chosen = np.arange(len(test.images))
        if 0 < limit < len(chosen):
            chosen = np.sort(np.random.default_rng(seed).permutation(chosen)[:limit])
        self.rules, self.judge, self.seed = rules, judge, seed
        self.labels: Ints = test.labels[chosen]
        self.pixels = test.images[chosen]
        self.images = to_unit(torch.from_numpy(self.pixels))
        self.measures = measure(self.images)
        self.latents = rules.parts.encode_all(self.images)
        self.features, self.read = judge.look(self.pixels)

    def some(self, count: int) -> LatentEvaluation:
        """Return an evaluation on a random draw of `count` of the images, or on all if there are fewer."""
        test = LatentImages(self.pixels, self.labels, (), "test images")
        return LatentEvaluation(self.rules, test, self.judge, limit=count, seed=self.seed)

    def at_once(self) -> LatentEvaluation:
        """Return an evaluation on the same images in a world whose episodes are one action."""
        rules = self.rules
        found = copy.copy(self)
        found.rules = LatentRules(dataclasses.replace(rules.config, horizon=1), rules.parts, rules.tasks)
        return found

    def parts_report(self) -> dict[str, Any]:
        """Measure the ceilings that the frozen parts set for any policy.

        Returns:
            "judge_accuracy": of real test images, 0 to 1; "reconstruction": sigma to the judged accuracy of what the
            auto-encoder shows of a noisy input; "reconstruction_diversity", "reconstruction_frechet_distance": of clean
            ones, against the real; "class_shares": of prior samples, by the judge; "prior_frechet_distance": of them.
        """
        parts = self.rules.parts
        accuracy = {}
        for sigma in (0.0, 0.3, 0.5):
            shown = self._decode(parts.encode_all(self.noisy(sigma)))
            features, kinds = self.judge.look(shown)
            accuracy[str(sigma)] = float((kinds == self.labels).mean())
            if not sigma:
                clean = (features, self._diversity(shown, kinds, kinds == self.labels))
        prior = torch.randn(len(self.labels), parts.shape.z, generator=torch.Generator().manual_seed(self.seed))
        with torch.inference_mode():
            samples = self._decode(parts.generator(prior))
        prior_features, prior_kinds = self.judge.look(samples)
        return {
            "judge_accuracy": float((self.read == self.labels).mean()),
            "reconstruction": accuracy,
            "reconstruction_diversity": clean[1],
            "reconstruction_frechet_distance": frechet_distance(clean[0], self.features),
            "class_shares": [
                float(share) for share in np.bincount(prior_kinds, minlength=parts.shape.classes) / len(prior_kinds)
            ],
            "prior_diversity": self._diversity(samples, prior_kinds, np.ones(len(prior_kinds), np.bool_)),
            "prior_frechet_distance": frechet_distance(prior_features, self.features),
        }

    def evaluate(self, policy: Policy, *, sigmas: Sequence[float] = SIGMAS) -> dict[str, Any]:
        """Measure a policy on every task that its world asks for.

        Args:
            policy: Maps observations float32 [N, O] to actions float32 [N, z].
            sigmas: Of the noise curve, for which every image gets one of the tasks that ask for a class; empty for
                none.

        Returns:
            JSON-able: "images", "tasks" {name: {...}}, "mean" of those, "noise" {sigma: judged accuracy},
            "milliseconds": {"one": of one image alone, "batched": of one in a batch of 1 000}; each task with
              "accuracy": share that the judge reads as the class asked for (None where the task asks for no class),
              "reward_accuracy": the same by the reward's classifier, "gap": that minus "accuracy", in points of percent
                (both None there too),
              "score": mean reward, "kept_class": share judged to be of the input's class,
              "diversity": within-class variance of pixels against real test images (`cluster.evaluation.diversity`), of
                outputs that show what was asked; "feature_diversity": the same in the judge's features,
              "frechet_distance": in the judge's features, of all outputs against all real test images,
              "style": see `cluster.evaluation.diversity.style_report`.
        """
        tasks = self.rules.tasks
        found = {tasks.names[number]: self._one_task(policy, int(number)) for number in tasks.asked}
        mean = {}
        for name in next(iter(found.values())):
            values = [each[name] for each in found.values() if name != "style" and each[name] is not None]
            if values:
                mean[name] = float(np.mean(values))
        return {
            "images": len(self.labels),
            "tasks": found,
            "mean": mean,
            "noise": {str(sigma): self._noise_accuracy(policy, sigma) for sigma in sigmas}
            if "accuracy" in mean
            else {},
            "milliseconds": self._milliseconds(policy),
        }

    def _one_task(self, policy: Policy, number: int) -> dict[str, Any]:
        rules = self.rules
        task = np.full(len(self.labels), number, np.int64)
        made = translate(rules, policy, self.images, task)
        features, kinds = self.judge.look(made.images)
        target = rules.tasks.targets[number][self.labels]
        asks = bool((target >= 0).all())
        wanted = target if asks else self.labels
        right = kinds == wanted
        claimed = float((made.outcome.probabilities.argmax(dim=1).numpy() == wanted).mean())
        source = Source(torch.from_numpy(self.labels), self.measures, self.latents)
        parts = rules.parts
        return {
            "accuracy": float(right.mean()) if asks else None,
            "reward_accuracy": claimed if asks else None,
            "gap": 100 * (claimed - float(right.mean())) if asks else None,
            "score": float(rules.tasks.score(made.outcome, source, task, rules.scorer).mean()),
            "kept_class": float((kinds == self.labels).mean()),
            "diversity": self._diversity(made.images, wanted, right),
            "feature_diversity": diversity(
                features[right], wanted[right], self.features, self.labels, parts.shape.classes
            ),
            "frechet_distance": frechet_distance(features, self.features),
            "style": style_report(
                made.outcome.style.numpy()[right],
                style(self.measures).numpy()[right],
                wanted[right],
                self.labels[right],
                parts.class_style_mean.numpy(),
                parts.class_style_std.numpy(),
            ),
        }

    def _noise_accuracy(self, policy: Policy, sigma: float) -> float:
        """Measure judged accuracy if every image is noisy and gets one of the tasks that ask for a class, in turn."""
        tasks = self.rules.tasks
        task = np.resize(tasks.asked[(tasks.targets[tasks.asked] >= 0).all(axis=1)], len(self.labels))
        made = translate(self.rules, policy, self.noisy(sigma), task)
        _, kinds = self.judge.look(made.images)
        return float((kinds == tasks.targets[task, self.labels]).mean())

    def _milliseconds(self, policy: Policy) -> dict[str, float]:
        task = np.resize(self.rules.tasks.asked, 1000)
        batch = self.images[:1000]
        found = {}
        translate(self.rules, policy, batch[:1], task[:1])  # warm
        for name, images, repeats in (("one", batch[:1], 10), ("batched", batch, 1)):
            start = time.perf_counter()
            for _ in range(repeats):
                translate(self.rules, policy, images, task[: len(images)])
            found[name] = 1000 * (time.perf_counter() - start) / repeats / len(images)
        return found

    def noisy(self, sigma: float) -> Tensor:
        """Return the test images with noise, the same at every call: float32 [N, C, H, W] in [0, 1]."""
        random = torch.Generator().manual_seed(self.seed + round(1000 * sigma))
        return add_noise(self.images, torch.full((len(self.images),), sigma), random) if sigma else self.images

    def _decode(self, latents: Tensor) -> NDArray[np.uint8]:
        with torch.inference_mode():
            return np.concatenate([to_bytes(self.rules.parts.decode(part)) for part in torch.split(latents, 1000)])

    def _diversity(self, images: Tensor | NDArray[np.uint8], kinds: Ints, right: NDArray[np.bool_]) -> float | None:
        pixels = to_bytes(images) if isinstance(images, Tensor) else images
        flat = pixels.reshape(len(pixels), -1)[right]
        real = self.pixels.reshape(len(self.pixels), -1)
        return diversity(flat, kinds[right], real, self.labels, self.rules.parts.shape.classes)

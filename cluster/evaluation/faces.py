"""The judge of faces: a detector and an identity embedding, trained elsewhere on photographs; the extra `faces`.

Both are dlib's (King 2009, "Dlib-ml: A machine learning toolkit", JMLR 10), with the weights that the package
`face-recognition-models` ships. No training and no reward ever sees them.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError

DETECTOR = "mmod_human_face_detector.dat"
LANDMARKS = "shape_predictor_5_face_landmarks.dat"
EMBEDDING = "dlib_face_recognition_resnet_model_v1.dat"
SMALLEST = 80
"""Height and width in pixels of the smallest face that the detector was trained to find."""


class FaceJudge:
    """Finds faces in pictures, and tells how alike two faces are."""

    def __init__(self) -> None:
        """Load the networks.

        Raises:
            UserError: The extra `faces` is not installed.
        """
        weights = importlib.util.find_spec("face_recognition_models")
        if weights is None or not weights.submodule_search_locations or importlib.util.find_spec("dlib") is None:
            raise UserError('faces: needs the extra `faces`: pip install "impasto[faces]"')
        folder = Path(weights.submodule_search_locations[0]) / "models"
        dlib: Any = importlib.import_module("dlib")
        self.detector = dlib.cnn_face_detection_model_v1(str(folder / DETECTOR))
        self.landmarks = dlib.shape_predictor(str(folder / LANDMARKS))
        self.embedding = dlib.face_recognition_model_v1(str(folder / EMBEDDING))

    def find(self, image: NDArray[np.uint8]) -> Any | None:
        """Return the rectangle (a `dlib.rectangle`) of the surest face in a picture uint8 [H, W, 3]; None without one.

        A picture with less than 160 pixels to a side is enlarged first, so that a face of half its size is found.
        """
        doublings = 0
        while min(image.shape[:2]) * 2**doublings < 2 * SMALLEST:
            doublings += 1
        found = self.detector(np.ascontiguousarray(image), doublings)
        return max(found, key=lambda each: each.confidence).rect if found else None

    def identity(self, image: NDArray[np.uint8], place: Any) -> NDArray[np.float64]:
        """Return the embedding float64 [128] of the face at a place of a picture uint8 [H, W, 3].

        dlib takes two photographs for those of one person if their embeddings are less than 0.6 apart.
        """
        image = np.ascontiguousarray(image)
        return np.array(self.embedding.compute_face_descriptor(image, self.landmarks(image, place)))

    def targets(self, images: NDArray[np.uint8]) -> dict[int, Any]:
        """Return places and embeddings of the faces that are found in pictures uint8 [N, H, W, 3], by number.

        Raises:
            UserError: None are.
        """
        places = {number: self.find(image) for number, image in enumerate(images)}
        found = {
            number: (place, self.identity(images[number], place))
            for number, place in places.items()
            if place is not None
        }
        if not found:
            raise UserError("faces: the judge of faces finds none in these pictures")
        return found

    def measure(self, painted: NDArray[np.uint8], targets: dict[int, Any]) -> dict[str, float]:
        """Compare paintings with their targets.

        Args:
            painted: uint8 [N, H, W, 3].
            targets: What `targets` returned for them.

        Returns:
            `face_found`: share of paintings in which there is a face, of those whose target has one;
            `identity_distance`: mean distance of their embeddings, taken at the place of the target's face, to the
            target's; `identity_distance_others`: the same to the next target's, another person as a rule.
        """
        numbers = sorted(targets)
        found = [self.find(painted[number]) is not None for number in numbers]
        embedded = np.array([self.identity(painted[number], targets[number][0]) for number in numbers])
        wanted = np.array([targets[number][1] for number in numbers])
        return {
            "face_found": float(np.mean(found)),
            "identity_distance": float(np.linalg.norm(embedded - wanted, axis=1).mean()),
            "identity_distance_others": float(np.linalg.norm(embedded - np.roll(wanted, 1, 0), axis=1).mean()),
        }

"""The radius about an estimate that holds the true position with a given probability.

Split conformal prediction (Papadopoulos et al., Inductive confidence machines for regression, ECML
2002) with normalised errors. One half of the labelled photos fits how far off an answer typically
is, ``scale(x)``, from what its scores look like; the other half gives the quantile q of ``error /
scale(x)``. The radius is ``q scale(x)``.

Guarantee: a new photo's error is at most its radius with a probability of at least ``confidence``,
and, unless errors are equal, at most ``confidence + 1 / (m + 1)`` with m photos in the second half.
Assumption: the new photo and those photos are exchangeable, that is, drawn alike: same region, same
kind of camera, same gallery and settings. The probability is over both; it is not promised for
every kind of photo on its own.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.errors import ConfigError, GalleryError
from geoloc.json_files import read_json_file
from geoloc.localization.answer import Answer
from geoloc.localization.position_estimate import spread_m
from geoloc.whole_files import write_json

Array = NDArray[np.float64]

RIDGE = 1e-3


@dataclass(frozen=True)
class RadiusCalibration:
    """How scores become a radius.

    Attributes:
        confidence: Probability that the radius holds the true position.
        quantile: q, without unit.
        weights: Of 1 and the features in the logarithm of ``scale`` in metres.
        lowest: Smallest value of every feature that was seen; others are clipped to it.
        highest: Largest value.
        photos: Number of labelled photos, both halves.
        settings: Of the localizer and its gallery; with others the radius means nothing.
    """

    confidence: float
    quantile: float
    weights: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    photos: int
    settings: Mapping[str, Any]

    def radius_m(self, features: Array) -> Array:
        """Return the radii in metres, ``[n]``, of answers with features ``[n, F]``."""
        return self.quantile * _scale(features, self.weights, self.lowest, self.highest)

    def save(self, file: Path) -> None:
        """Write a JSON file."""
        write_json(file, asdict(self))

    @classmethod
    def load(cls, file: Path) -> "RadiusCalibration":
        """Read what ``save`` wrote.

        Raises:
            GalleryError: If the file is damaged.
        """
        try:
            content = read_json_file(file)
            for key in ("weights", "lowest", "highest"):
                content[key] = tuple(content[key])
            return cls(**content)
        except (ValueError, TypeError, KeyError) as error:
            raise GalleryError(f"{file} is damaged ({error!r}); calibrate again") from error


def answer_features(answer: Answer) -> Array:
    """Return what tells a good answer from a bad one, ``[3]``.

    The logarithm of the places' weighted mean distance from the estimate in metres, plus 1; the
    best score; and its lead over the mean of the others.
    """
    assert answer.estimate is not None
    spread = spread_m(answer.latlon, answer.scores, answer.estimate)
    best, others = float(answer.scores[0]), answer.scores[1:]
    return np.array([math.log1p(spread), best, best - float(others.mean()) if len(others) else 0.0])


def fit_radius(
    features: Array,
    errors_m: Array,
    confidence: float = 0.9,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> RadiusCalibration:
    """Calibrate the radius on answers whose errors are known.

    Args:
        features: From ``answer_features``, ``[n, F]``.
        errors_m: Distances of estimate and true position in metres, ``[n]``.
        confidence: Between 0 and 1.
        settings: To store.
        seed: Of the split into halves.

    Raises:
        ConfigError: If the confidence cannot be promised with so few photos.
    """
    if not 0 < confidence < 1:
        raise ConfigError(f"confidence={confidence} must be between 0 and 1")
    count = len(errors_m)
    # half the photos must reach the rank ceil((m + 1) confidence) <= m
    half = math.ceil(round(confidence / (1 - confidence), 9))
    if count < 2 * half:
        raise ConfigError(
            f"confidence={confidence} needs at least {2 * half} photos with known positions, got "
            f"{count}; give more, or ask for less confidence"
        )
    order = np.random.default_rng(seed).permutation(count)
    fitted, held_out = order[: count // 2], order[count // 2 :]
    weights, lowest, highest = _fit_scale(features[fitted], errors_m[fitted])
    scale = _scale(features[held_out], weights, lowest, highest)
    ratios = np.sort(errors_m[held_out] / scale)
    # round: (m + 1) confidence may be a whole number that floats miss
    rank = math.ceil(round((len(ratios) + 1) * confidence, 9))
    return RadiusCalibration(
        confidence, float(ratios[rank - 1]), weights, lowest, highest, count, dict(settings or {})
    )


Fit = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


def _fit_scale(features: Array, errors_m: Array) -> Fit:
    """Fit the logarithm of the error, plus 1 m, by a line in the features (ridge regression)."""
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation = np.where(deviation > 1e-9, deviation, 1.0)
    design = np.column_stack([np.ones(len(features)), (features - mean) / deviation])
    penalty = RIDGE * len(features) * np.eye(design.shape[1])
    solution = np.linalg.solve(design.T @ design + penalty, design.T @ np.log1p(errors_m))
    slopes = solution[1:] / deviation
    weights = [float(solution[0] - slopes @ mean), *slopes.tolist()]
    lowest, highest = features.min(axis=0).tolist(), features.max(axis=0).tolist()
    return tuple(weights), tuple(lowest), tuple(highest)


def _scale(
    features: Array,
    weights: tuple[float, ...],
    lowest: tuple[float, ...],
    highest: tuple[float, ...],
) -> Array:
    seen = np.clip(features, lowest, highest)
    return np.asarray(np.exp(weights[0] + seen @ np.array(weights[1:])))

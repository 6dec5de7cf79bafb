"""Localize photos: the model, the gallery, and what the gallery says about a photo."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from numpy.typing import NDArray

from geoloc.datasets.photo_positions import PhotoPositions
from geoloc.errors import ConfigError
from geoloc.localization.answer import Answer, Answers, Unread
from geoloc.localization.describer import Describer, Photo
from geoloc.localization.gallery import CALIBRATION_FILE, Gallery
from geoloc.localization.photo_list import NamedPhoto, list_photos
from geoloc.localization.position_estimate import check_method, estimated_position
from geoloc.localization.radius_calibration import RadiusCalibration, answer_features, fit_radius
from geoloc.registry import RERANKERS

RERANKED = 100  # places per photo that a re-ranking orders anew, unless its config says otherwise


class Localizer:
    """Tell where photos were taken.

    Args:
        model: The folder of a bundle that ``geoloc.export`` wrote, a run config or its file, whose
            weights ``checkpoint`` holds, or a ``Describer``.
        checkpoint: Checkpoint file; only for a config.
        gallery: The gallery or its folder.
        view: The view that the photos show; by default the other one than the gallery's.
        estimate: ``median`` or ``top1``; see ``estimated_position``.
        **options: ``batch_size``, ``workers``, ``device`` of the ``Describer``.

    Attributes:
        calibration: Of the radius, from the gallery's folder; None if it was not calibrated.

    Raises:
        ConfigError: If an argument cannot work.
        CheckpointError: If the checkpoint cannot be used.
        GalleryError: If the gallery is damaged or was made with another model.
    """

    def __init__(
        self,
        model: Describer | Config | str | Path,
        checkpoint: str | Path | None = None,
        gallery: Gallery | str | Path | None = None,
        *,
        view: str | None = None,
        estimate: str = "median",
        **options: Any,
    ) -> None:
        check_method(estimate)
        if gallery is None:
            raise ConfigError("Localizer needs gallery=, a Gallery or its folder")
        self.describer = _describer(model, checkpoint, options)
        self.gallery = gallery if isinstance(gallery, Gallery) else Gallery(gallery)
        self.view = view or _other_view(self.describer, self.gallery)
        self.gallery.check_model(self.describer.record(self.view))
        self.estimate = estimate
        file = self.gallery.folder / CALIBRATION_FILE
        self.calibration = RadiusCalibration.load(file) if file.is_file() else None

    def localize(
        self,
        images: Photo | Iterable[Photo],
        top_k: int = 10,
        rerank: Mapping[str, Any] | None = None,
        positions: str | Path | PhotoPositions | None = None,
    ) -> Answers:
        """Find the places that look most like the photos.

        Args:
            images: Files, folders with all below them, Pillow images, or arrays uint8 ``[H, W,
                3]``; one or several.
            top_k: Places per photo; all, if the gallery has fewer.
            rerank: Config of a ``RERANKERS`` entry, which orders the best ``depth`` (default 100)
                places of each photo anew; the scores are then 1 minus its distances.
            positions: Where the photos were taken, for comparison: a CSV file ``path,lat,lon`` with
                paths relative to each folder; by default ``positions.csv`` there. File names and
                EXIF are asked next.

        Returns:
            An answer for every photo that could be read; every other file with the reason.

        Raises:
            ConfigError: If ``top_k`` or ``rerank`` cannot work.
        """
        if top_k < 1:
            raise ConfigError(f"top_k={top_k} must be at least 1")
        reranker, depth = _reranker(rerank)
        photos, unread = list_photos(images, positions)
        calibration = self._valid_calibration(self.settings(top_k, rerank))
        answers = []
        batches = self.describer.describe([photo.photo for photo in photos], self.view)
        for numbers, descriptors, reasons in batches:
            unread += [Unread(photos[number].name, reason) for number, reason in reasons.items()]
            if not numbers:
                continue
            found = self.gallery.search(descriptors, max(top_k, depth))
            for place, number in enumerate(numbers):
                rows, scores = found.index[place], found.scores[place]
                rows, scores = rows[rows >= 0], scores[rows >= 0]
                if reranker is not None and rows.size:
                    rows, scores = self._reranked(reranker, descriptors[place], rows)
                answer = self._answer(photos[number], rows[:top_k], scores[:top_k])
                answers.append(_with_radius(answer, calibration))
        return Answers(answers, unread)

    def settings(self, top_k: int, rerank: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return what the distribution of errors depends on, as plain types."""
        return {
            "gallery": self.gallery.manifest.content_hash,
            "view": self.view,
            "estimate": self.estimate,
            "top_k": top_k,
            "rerank": None if rerank is None else repr(sorted(rerank.items())),
        }

    def _answer(
        self, photo: NamedPhoto, rows: NDArray[np.int64], scores: NDArray[np.float32]
    ) -> Answer:
        latlon = self.gallery.latlon(rows)
        return Answer(
            photo.name,
            rows,
            latlon,
            scores,
            self.gallery.images(rows),
            photo.position,
            estimated_position(latlon, scores, self.estimate) if len(rows) else None,
        )

    def _reranked(
        self, reranker: Any, query: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Order places by a re-ranking of themselves, so that an answer depends on no other."""
        places = torch.from_numpy(self.gallery.descriptors(rows))
        distances = reranker(torch.from_numpy(query[None]), places)[0].numpy()
        order = np.argsort(distances, kind="stable")
        return rows[order], (1 - distances[order]).astype(np.float32)

    def _valid_calibration(self, settings: Mapping[str, Any]) -> RadiusCalibration | None:
        if self.calibration is None or self.calibration.settings == settings:
            return self.calibration
        differing = [key for key in settings if self.calibration.settings.get(key) != settings[key]]
        warnings.warn(
            f"{self.gallery.folder / CALIBRATION_FILE} was made with another "
            f"{', '.join(differing)}: there are no radii until you calibrate again",
            stacklevel=3,
        )
        return None


def calibrate(
    localizer: Localizer,
    photos: Photo | Iterable[Photo],
    confidence: float = 0.9,
    top_k: int = 10,
    rerank: Mapping[str, Any] | None = None,
    positions: str | Path | PhotoPositions | None = None,
) -> RadiusCalibration:
    """Learn the radius of answers from photos with known positions, and keep it in the gallery.

    ``radius_calibration`` states what is guaranteed, and under which assumption.

    Args:
        localizer: Gets the calibration.
        photos: Photos that know their position and resemble those to come, none of which is in the
            gallery or was trained on.
        confidence: Probability that the radius shall hold the true position.
        top_k: As for the calls of ``localize`` to come, like the rest.
        rerank: See ``localize``.
        positions: See ``localize``.

    Raises:
        ConfigError: If there are too few photos with positions for this confidence.
    """
    localizer.calibration = None
    answers = [
        answer
        for answer in localizer.localize(photos, top_k, rerank, positions)
        if answer.error_m is not None
    ]
    features = np.array([answer_features(answer) for answer in answers]).reshape(len(answers), -1)
    errors_m = np.array([answer.error_m for answer in answers], dtype=np.float64)
    settings = localizer.settings(top_k, rerank)
    localizer.calibration = fit_radius(features, errors_m, confidence, settings)
    localizer.calibration.save(localizer.gallery.folder / CALIBRATION_FILE)
    return localizer.calibration


def _describer(
    model: Describer | Config | str | Path,
    checkpoint: str | Path | None,
    options: Mapping[str, Any],
) -> Describer:
    if isinstance(model, Describer) and checkpoint is None:
        return model
    if isinstance(model, str | Path) and checkpoint is None and Path(model).is_dir():
        return Describer.from_bundle(model, **options)
    if isinstance(model, Describer) or checkpoint is None:
        raise ConfigError(
            "Localizer needs a config with its checkpoint, or without one the folder of a bundle "
            "or a Describer"
        )
    return Describer.from_config(model, checkpoint, **options)


def _with_radius(answer: Answer, calibration: RadiusCalibration | None) -> Answer:
    if calibration is None or answer.estimate is None:
        return answer
    radius_m = float(calibration.radius_m(answer_features(answer)[None])[0])
    return replace(answer, radius_m=radius_m, confidence=calibration.confidence)


def _reranker(config: Mapping[str, Any] | None) -> tuple[Any, int]:
    """Return the re-ranking, and how many places it orders."""
    if config is None:
        return None, 0
    arguments = dict(config)
    depth = arguments.pop("depth", RERANKED)
    if not isinstance(depth, int) or depth < 2:
        raise ConfigError(f"rerank.depth={depth!r} must be a whole number from 2")
    return RERANKERS.build(arguments), depth


def _other_view(describer: Describer, gallery: Gallery) -> str:
    own = gallery.manifest.model.view if gallery.manifest.model else ""
    others = [view for view in describer.views if view != own] or [own]
    if len(others) != 1:
        raise ConfigError(
            f"give view=, the view that the photos show: the model knows "
            f"{', '.join(describer.views)}, the gallery is of view {own or 'unknown'}"
        )
    return others[0]

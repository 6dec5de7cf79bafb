"""The model that turns images into descriptors, ready to use."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from mmengine.config import Config
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from geoloc.datasets.pipeline import PipelineConfigs, ViewPipelines
from geoloc.errors import ConfigError, ImageError
from geoloc.image_files import rgb_pixels
from geoloc.localization.gallery_manifest import ModelRecord
from geoloc.localization.model_bundle import ModelBundle
from geoloc.localization.trained_model import TrainedModel, descriptors_of, load_trained_model

Photo: TypeAlias = str | Path | Image.Image | NDArray[Any]

NOT_FINITE = "the model's descriptor of it contains NaN or infinity"


class Describer:
    """Describe images of any view with a model.

    Args:
        model: ``CrossViewRetriever`` or any other with ``describe(images, view)`` and a
            ``data_preprocessor``.
        pipelines: For every view the transforms of a test image.
        config: Config of the model; its hash tells galleries apart. Empty if unknown.
        batch_size: Images at once.
        workers: Threads that decode images.
        device: ``cuda`` if there is one, else ``cpu``.
        record: What galleries know the model by; computed from ``config`` and the weights if it is
            not known.
    """

    def __init__(
        self,
        model: Any,
        pipelines: PipelineConfigs,
        config: Mapping[str, Any] | None = None,
        batch_size: int = 32,
        workers: int = 4,
        device: str | None = None,
        record: ModelRecord | None = None,
    ) -> None:
        if batch_size < 1 or workers < 1:
            raise ConfigError(f"batch_size={batch_size} and workers={workers} must be at least 1")
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device)
        self.model.train(False)  # not eval(): mmpretrain's backbones return None from train()
        self.pipelines = ViewPipelines(pipelines)
        self.batch_size, self.workers = batch_size, workers
        self._record = record or TrainedModel(model, pipelines, config or {}).record

    @classmethod
    def from_config(
        cls, config: str | Path | Config, checkpoint: str | Path, **options: Any
    ) -> "Describer":
        """Build the model of a run config and load its weights.

        Args:
            config: The config or its file.
            checkpoint: Checkpoint file of a training with that config.
            **options: ``batch_size``, ``workers``, ``device``.

        Raises:
            ConfigError: If the config has no test pipelines, or its model none of the descriptors
                that galleries compare.
            CheckpointError: If the file is missing, unsafe or of another model.
        """
        return cls(*load_trained_model(config, checkpoint), **options)

    @classmethod
    def from_bundle(cls, folder: str | Path, **options: Any) -> "Describer":
        """Read what ``geoloc.export`` wrote.

        Args:
            folder: Of the bundle.
            **options: ``batch_size``, ``workers``, ``device``.

        Raises:
            CheckpointError: If the folder holds no bundle, or one that was altered or is of another
                version.
            ConfigError: If a package that it needs is not installed.
        """
        bundle = ModelBundle.read(folder)
        return cls(*bundle.trained_model(), record=bundle.record, **options)

    @property
    def views(self) -> tuple[str, ...]:
        """The views that the model knows."""
        return self.pipelines.views

    def record(self, view: str) -> ModelRecord:
        """Return what a gallery of one view says about this model.

        Raises:
            ConfigError: If the model has no such view.
        """
        self.check_view(view)
        return replace(self._record, view=view)

    def check_view(self, view: str) -> None:
        """Refuse a view that the model does not know.

        Raises:
            ConfigError: If it does not; the message lists those it knows.
        """
        if view not in self.views:
            raise ConfigError(f"view={view!r} is not among the model's, {', '.join(self.views)}")

    def describe(
        self, photos: Sequence[Photo], view: str
    ) -> Iterator[tuple[list[int], NDArray[np.float32], dict[int, str]]]:
        """Describe images batch by batch; one that cannot be read does not stop the others.

        Args:
            photos: Image files, Pillow images, or arrays ``[H, W]`` or ``[H, W, 3]``, uint8.
            view: The view they show.

        Yields:
            For every batch the positions of its images in ``photos``, their descriptors, float32
            ``[n, D]``, and the reasons why the others have none, by their positions.
        """
        self.check_view(view)

        def load(photo: Photo) -> Tensor | str:
            return _readable(lambda: self._load(photo, view))

        with ThreadPoolExecutor(self.workers) as threads:
            for start in range(0, len(photos), self.batch_size):
                batch = photos[start : start + self.batch_size]
                images: dict[int, Tensor] = {}
                reasons: dict[int, str] = {}
                for number, image in enumerate(threads.map(load, batch), start):
                    if isinstance(image, str):
                        reasons[number] = image
                    else:
                        images[number] = image
                descriptors = self.describe_images([*images.values()], view)
                finite = np.isfinite(descriptors).all(axis=1)
                numbers = np.array([*images], dtype=np.int64)
                reasons |= dict.fromkeys(numbers[~finite].tolist(), NOT_FINITE)
                yield numbers[finite].tolist(), descriptors[finite], reasons

    @torch.no_grad()
    def describe_images(self, images: Sequence[Tensor], view: str) -> NDArray[np.float32]:
        """Return the descriptors, float32 ``[n, D]``, of loaded images, uint8 ``[3, H, W]``."""
        parts = []
        for _, same_size in groupby(images, key=lambda image: image.shape):
            descriptors = descriptors_of(self.model, torch.stack([*same_size]), view)
            parts.append(descriptors.float().cpu().numpy())
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def _load(self, photo: Photo, view: str) -> Tensor:
        if isinstance(photo, str | Path):
            return self.pipelines.load(view, Path(photo))
        return self.pipelines.apply(view, pixels_of(photo))


def pixels_of(image: Image.Image | NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image in memory as RGB uint8 ``[H, W, 3]``, upright.

    Raises:
        ImageError: If an array is no image.
    """
    if isinstance(image, Image.Image):
        try:
            return rgb_pixels(image)
        except ValueError as error:
            raise ImageError(f"an image of Pillow is unusable: {error}") from error
    grey = image.ndim == 2
    if image.dtype != np.uint8 or not image.size or not (grey or image.shape[2:] == (3,)):
        raise ImageError(
            f"an array of {image.dtype} {[*image.shape]} is no image; give uint8 [H, W, 3] or "
            "[H, W], grey values 0-255 in the order RGB"
        )
    return np.repeat(image[:, :, None], 3, axis=2) if grey else image


def _readable(load: Callable[[], Tensor]) -> Tensor | str:
    """Return an image, or why it cannot be read."""
    try:
        return load()
    except ConfigError:  # a mistake in the config, not in this photo
        raise
    except Exception as error:  # decoders of broken files raise whatever they like
        return " ".join(str(error).split()) or type(error).__name__

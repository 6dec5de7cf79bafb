"""Transform pipelines, one per view."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmpretrain.datasets.transforms import PackInputs
from numpy.typing import NDArray
from torch import Tensor

from geoloc.datasets.transforms import LoadImage
from geoloc.errors import ConfigError
from geoloc.registry import TRANSFORMS

PipelineConfigs = Mapping[str, Sequence[dict[str, Any]]]


class ViewPipelines:
    """Loads the image of a view as uint8 ``[3,H,W]``.

    Args:
        configs: For every view its transforms; the last must be ``mmpretrain.PackInputs``.

    Raises:
        ConfigError: If a view has no transforms or does not end in ``PackInputs``.
        UnknownTypeError: For a transform that does not exist.
    """

    def __init__(self, configs: PipelineConfigs) -> None:
        self._pipelines = {view: _build(view, configs[view]) for view in configs}

    @property
    def views(self) -> tuple[str, ...]:
        """The views with a pipeline, in the order of the config."""
        return tuple(self._pipelines)

    def load(self, view: str, file: Path) -> Tensor:
        """Run the pipeline of ``view`` on one file.

        Raises:
            ImageError: If the file cannot be decoded.
        """
        inputs: Tensor = self._pipelines[view]({"img_path": str(file)})["inputs"]
        return inputs

    def apply(self, view: str, pixels: NDArray[np.uint8]) -> Tensor:
        """Run the pipeline of ``view`` on an image in memory, RGB uint8 ``[H,W,3]``.

        Raises:
            ConfigError: If the pipeline does not begin with ``LoadImage``, whose place it takes.
        """
        load, *others = self._pipelines[view].transforms
        if not isinstance(load, LoadImage):
            raise ConfigError(
                f"pipelines[{view!r}] must begin with dict(type='LoadImage') to take images that "
                f"are in memory, it begins with {type(load).__name__}"
            )
        shape = pixels.shape[:2]
        inputs: Tensor = Compose(others)({"img": pixels, "img_shape": shape, "ori_shape": shape})[
            "inputs"
        ]
        return inputs

    def image_size(self, view: str, side: int = 2048) -> tuple[int, int]:
        """Return the rows and columns of what ``view`` makes of a square image.

        Args:
            view: One of the views.
            side: Of that image, by default larger than any crop.
        """
        rows, columns = self.apply(view, np.zeros((side, side, 3), np.uint8)).shape[1:]
        return int(rows), int(columns)


def _build(view: str, config: Sequence[dict[str, Any]]) -> Compose:
    transforms = [TRANSFORMS.build(transform) for transform in config]
    if not transforms or not isinstance(transforms[-1], PackInputs):
        raise ConfigError(
            f"pipelines[{view!r}] must end with dict(type='mmpretrain.PackInputs'), "
            f"it has {[type(transform).__name__ for transform in transforms]}"
        )
    return Compose(transforms)

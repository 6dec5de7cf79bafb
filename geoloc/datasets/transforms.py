"""Transforms of single images that mmpretrain and mmcv lack."""

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from geoloc.datasets.pixel_cache import PixelCache
from geoloc.datasets.worker_trace import note_reading
from geoloc.errors import ConfigError, ImageError
from geoloc.image_files import open_image, rgb_pixels
from geoloc.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read ``img_path`` into ``img``: RGB uint8 ``[H,W,3]``, upright by its EXIF orientation.

    Also sets ``img_shape`` and ``ori_shape``, both (H, W) of ``img``.

    Args:
        shortest_side: Decode a JPEG at 1/2, 1/4 or 1/8 of its size, as far as its shorter side
            keeps this many pixels; None decodes it whole. Decoding then costs a fraction, and the
            pixels are means over blocks, close to those of a resize. Choose no less than the crop
            or resize that follows needs. Other formats are not affected.
        cache: Folder where the decoded uint8 pixels are kept, so that an image is decoded once;
            a file that changes is decoded again. It grows to 3 bytes per pixel of every image.

    Raises:
        ConfigError: If ``shortest_side`` is below 1.
        ImageError: If the file is missing, empty, truncated or no image.
    """

    def __init__(self, shortest_side: int | None = None, cache: str | None = None) -> None:
        if shortest_side is not None and shortest_side < 1:
            raise ConfigError(f"LoadImage shortest_side={shortest_side} must be at least 1")
        self.shortest_side = shortest_side
        self.cache = None if cache is None else PixelCache(cache, f"shortest_side={shortest_side}")

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load the image of one sample."""
        path = results["img_path"]
        note_reading(path)
        pixels = self._decode(path) if self.cache is None else self.cache(path, self._decode)
        return {
            **results,
            "img": pixels,
            "img_shape": pixels.shape[:2],
            "ori_shape": pixels.shape[:2],
        }

    def _decode(self, path: str) -> NDArray[np.uint8]:
        try:
            with open_image(path) as image:
                if self.shortest_side is not None:
                    image.draft(None, (self.shortest_side, self.shortest_side))
                return rgb_pixels(image)
        except FileNotFoundError:
            raise ImageError(f"image {path} does not exist") from None
        except Exception as error:  # Pillow's parsers raise half a dozen types on broken files
            raise ImageError(
                f"image {path} cannot be decoded ({error}); download or render it again"
            ) from error

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shortest_side={self.shortest_side})"


@TRANSFORMS.register_module()
class RandomRotation(BaseTransform):
    """Rotate ``img`` about its centre by a uniform angle; the corners mirror the inside.

    For satellite tiles, whose heading carries no information. The size stays.

    Args:
        degrees: The angle is drawn from [-degrees, degrees].

    Raises:
        ConfigError: If ``degrees`` is not within [0, 180].
    """

    def __init__(self, degrees: float = 180.0) -> None:
        if not 0.0 <= degrees <= 180.0:
            raise ConfigError(f"RandomRotation degrees={degrees!r} must be within [0, 180]")
        self.degrees = degrees

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Rotate the image of one sample."""
        # the global stream, as mmcv's transforms: the pair dataset seeds it for every item
        angle = np.random.uniform(-self.degrees, self.degrees)  # noqa: NPY002
        height, width = results["img"].shape[:2]
        rotation = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
        turned = cv2.warpAffine(
            results["img"], rotation, (width, height), borderMode=cv2.BORDER_REFLECT_101
        )
        return {**results, "img": turned}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(degrees={self.degrees})"

"""Image files from anywhere, as upright RGB pixels."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# Pillow recognises files by their content, whatever their names, and knows formats, such as EPS,
# for which it starts another program. HEIF comes with a plugin of Pillow's.
FORMATS = (
    *("JPEG", "MPO", "PNG", "TIFF", "WEBP", "GIF", "BMP", "DIB", "PPM"),
    *("JPEG2000", "AVIF", "HEIF"),
)


def open_image(file: str | Path) -> Image.Image:
    """Open an image whose format is decoded within this process; the pixels are not read yet.

    Raises:
        OSError: Or whatever else Pillow's parsers raise for a file that is none.
    """
    Image.init()
    return Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])


def upright_rgb(image: Image.Image) -> Image.Image:
    """Return an image in RGB, 8 bits a channel, turned as its EXIF block says.

    Raises:
        ValueError: If its pixels are numbers of no known range.
    """
    is_grey = image.mode == "I" and image.format in ("PNG", "PPM")  # a copy has no format
    image = ImageOps.exif_transpose(image)
    if is_grey or image.mode.startswith("I;16"):
        # Pillow would clip grey values of 16 bits to those of 8, nearly all to white
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise ValueError(
            f"its pixels are numbers of 32 bits (mode {image.mode!r}), of which none is known to "
            "be white; save it with 8 or 16 bits a channel"
        )
    return image.convert("RGB")


def rgb_pixels(image: Image.Image) -> NDArray[Any]:
    """Return ``upright_rgb`` as uint8 ``[H, W, 3]``."""
    return np.array(upright_rgb(image))

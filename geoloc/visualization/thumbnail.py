"""Pictures small enough to be part of a page."""

import base64
import io
from pathlib import Path

from PIL import Image

from geoloc.image_files import open_image, upright_rgb

THUMBNAIL_PX = 320
QUALITY = 72


def thumbnail(file: Path, size_px: int = THUMBNAIL_PX) -> Image.Image | None:
    """Return an image upright and within a square; None if the file cannot be read.

    Args:
        file: Any format that Pillow reads.
        size_px: Length of the longer side at most.
    """
    try:
        with open_image(file) as image:
            image.draft("RGB", (size_px, size_px))  # decodes a large JPEG at a fraction of its size
            small = upright_rgb(image)
    except Exception:  # Pillow's parsers raise half a dozen types on broken files
        return None
    small.thumbnail((size_px, size_px))
    return small


def jpeg_uri(image: Image.Image) -> str:
    """Return a picture as the JPEG ``data:`` address that a page holds instead of a file."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


class PictureStore:
    """The pictures of a page, each once, up to a budget.

    Args:
        budget_mb: Size of all pictures together, in megabytes of text; what does not fit is left
            out.
        size_px: Length of the longer side of a picture at most.

    Attributes:
        uris: ``data:`` addresses, in the order of their numbers.
        left_out: Number of files that the budget had no room for.
        unreadable: Files that are missing or no image.
    """

    def __init__(self, budget_mb: float, size_px: int = THUMBNAIL_PX) -> None:
        self.uris: list[str] = []
        self.left_out = 0
        self.unreadable: list[Path] = []
        self._numbers: dict[Path, int | None] = {}
        self._room = budget_mb * 1e6
        self._size_px = size_px

    def add(self, file: Path) -> int | None:
        """Return the number of a file's picture; None if it is unreadable or does not fit."""
        if file not in self._numbers:
            self._numbers[file] = self._encode(file)
        return self._numbers[file]

    def _encode(self, file: Path) -> int | None:
        if self._room <= 0:  # without a look at the file, which is what takes the time
            self.left_out += 1
            return None
        image = thumbnail(file, self._size_px)
        if image is None:
            self.unreadable.append(file)
            return None
        uri = jpeg_uri(image)
        self._room -= len(uri)
        if self._room < 0:
            self._room = 0
            self.left_out += 1
            return None
        self.uris.append(uri)
        return len(self.uris) - 1

"""Whether two models describe images alike."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.errors import ExportError
from geoloc.localization.trained_model import descriptors_of

TOLERANCE = 1e-5  # of an entry of a descriptor, which has length 1
BATCHES = (1, 2, 5)
COARSE = 4  # rows and columns of the patches of random images


class Comparison(NamedTuple):
    """What was compared for a view.

    Attributes:
        size: Rows and columns of the images.
        width: D of the descriptors.
        difference: The largest absolute difference of an entry.
    """

    size: tuple[int, int]
    width: int
    difference: float


@torch.no_grad()
def check_same(model: Any, copy: Any, view: str, size: tuple[int, int]) -> Comparison:
    """Compare the descriptors of random images in batches of several sizes.

    Args:
        model: With ``describe`` and ``data_preprocessor``.
        copy: The same, as it was exported.
        view: View of the images.
        size: Their rows and columns.

    Raises:
        ExportError: If an entry differs by more than 1e-5, or shapes differ; the message names
            both.
    """
    model.train(False)
    copy.train(False)
    largest, width = 0.0, 0
    for batch in BATCHES:
        images = random_images(batch, size)
        expected = descriptors_of(model, images, view).float()
        found = _described(copy, images, view)
        if found.shape != expected.shape:
            raise ExportError(
                f"the export gives descriptors {[*found.shape]} of {batch} images of view "
                f"{view!r}, the model {[*expected.shape]}; it was not kept"
            )
        width = expected.shape[1]
        largest = max(largest, float((found - expected).abs().max()))
        if not largest <= TOLERANCE:
            raise ExportError(
                f"the export describes {batch} images of view {view!r} otherwise than the model: "
                f"entries differ by {largest:.2g}, more than {TOLERANCE:g}; it was not kept"
            )
    return Comparison(size, width, largest)


def _described(copy: Any, images: Tensor, view: str) -> Tensor:
    try:
        return descriptors_of(copy, images, view)
    except Exception as error:  # of whatever runs the graph
        reason = " ".join(str(error).split())
        raise ExportError(
            f"the export cannot describe {len(images)} images of view {view!r} at once: {reason}; "
            "it was not kept"
        ) from error


def random_images(count: int, size: tuple[int, int]) -> Tensor:
    """Return images with large patches and fine noise, uint8 ``[count, 3, *size]``."""
    generator = torch.Generator().manual_seed(count)
    patches = torch.rand(count, 3, COARSE, COARSE, generator=generator)
    noise = torch.rand(count, 3, *size, generator=generator)
    return (191 * F.interpolate(patches, size) + 64 * noise).to(torch.uint8)

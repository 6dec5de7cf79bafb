"""What an augmentation draws for the images of a batch, from torch's global CPU generator.

That generator's state is in every checkpoint, and its numbers do not depend on the device.
"""

import math

import torch
from torch import Tensor

Range = tuple[float, float]
Size = tuple[int, int]

ATTEMPTS = 10  # to find a crop that fits, as in mmpretrain and torchvision


def uniform(shape: Size | tuple[int], low: float, high: float) -> Tensor:
    """Return numbers drawn from [low, high), float64 on the CPU."""
    return low + (high - low) * torch.rand(shape, dtype=torch.float64, device="cpu")


def draw_crops(
    count: int, size: Size, crop_ratio_range: Range, aspect_ratio_range: Range
) -> Tensor:
    """Draw crops by the law of ``mmpretrain.RandomResizedCrop``.

    Area and shape are drawn until a crop fits into the image, ten times at most, and then its
    corner; if none fits, the crop is the largest one at the centre whose shape is allowed. All ten
    attempts are drawn at once, so that what is drawn afterwards does not depend on the first that
    fits.

    Args:
        count: Number of crops n.
        size: Height and width of the images in px.
        crop_ratio_range: Smallest and largest area, as a share of the image's.
        aspect_ratio_range: Smallest and largest width per height; its logarithm is uniform.

    Returns:
        Top, left, height and width in px, whole numbers as float64 ``[n, 4]``.
    """
    height, width = size
    area = height * width * uniform((count, ATTEMPTS), *crop_ratio_range)
    lowest, highest = map(math.log, aspect_ratio_range)
    aspect = uniform((count, ATTEMPTS), lowest, highest).exp()
    corner = uniform((count, 2), 0.0, 1.0)

    whole = torch.tensor(size, dtype=torch.float64)
    sides = torch.stack([(area / aspect).sqrt(), (area * aspect).sqrt()], dim=2).round()
    central = torch.tensor(_central_crop(size, aspect_ratio_range), dtype=torch.float64)
    sides = torch.cat([sides, central.expand(count, 1, 2)], dim=1)
    fits = ((sides > 0) & (sides <= whole)).all(dim=2)
    first = fits.int().argmax(dim=1)  # of several largest ones, argmax takes the first
    sides = sides[torch.arange(count), first]
    room = whole - sides
    start = torch.where(first[:, None] < ATTEMPTS, corner * (room + 1), room / 2).floor()
    return torch.cat([start, sides], dim=1)


def _central_crop(size: Size, aspect_ratio_range: Range) -> Size:
    """Return height and width of the largest crop whose shape is allowed."""
    height, width = size
    narrowest, widest = aspect_ratio_range
    return min(height, round(width / narrowest)), min(width, round(height * widest))

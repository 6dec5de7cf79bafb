"""Flips, crops and rotations of a batch as matrices, and one sampling of the images by them.

A matrix takes positions (x, y, 1) of the image that it makes to those of the image that it is made
from. Positions count in pixels, and pixel centres are whole numbers. The product of several is the
matrix of what they do one after the other, the leftmost first, so that pixels are interpolated
once. All matrices are float64 ``[n, 3, 3]``.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.models.augments.draws import Size


def flip_matrices(flipped: Tensor, width: int) -> Tensor:
    """Return the matrices of mirror images, left for right.

    Args:
        flipped: Which images, bool ``[n]``; the others stay.
        width: Of the images in px.
    """
    matrices = _identities(len(flipped))
    matrices[flipped, 0, 0] = -1.0
    matrices[flipped, 0, 2] = width - 1.0
    return matrices


def crop_matrices(crops: Tensor, size: Size) -> Tensor:
    """Return the matrices of crops that are resized.

    The outer edges of the pixels fit, as in OpenCV, Pillow and torchvision.

    Args:
        crops: Top, left, height and width in px, float64 ``[n, 4]``.
        size: Height and width after the resize.
    """
    start = crops[:, :2].flip(1)
    steps = crops[:, 2:].flip(1) / torch.tensor(size[::-1])  # px of the image per px of the result
    matrices = torch.diag_embed(F.pad(steps, (0, 1), value=1.0))
    matrices[:, :2, 2] = start + (steps - 1) / 2
    return matrices


def rotation_matrices(degrees: Tensor, size: Size) -> Tensor:
    """Return the matrices of rotations about the centre, anticlockwise as in OpenCV.

    Args:
        degrees: float64 ``[n]``.
        size: Height and width of the images in px, which stay.
    """
    cos, sin = degrees.deg2rad().cos(), degrees.deg2rad().sin()
    matrices = _identities(len(degrees))
    matrices[:, :2, :2] = torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
    centre = torch.tensor([size[1] - 1.0, size[0] - 1.0], dtype=torch.float64) / 2
    matrices[:, :2, 2] = centre - matrices[:, :2, :2] @ centre
    return matrices


def steps(matrices: Tensor) -> Tensor:
    """Return how many px of the images lie between neighbours of the results, ``[n, 2]`` (x, y)."""
    lengths: Tensor = torch.linalg.vector_norm(matrices[:, :2, :2], dim=1)
    return lengths


def sample(images: Tensor, matrices: Tensor, size: Size) -> Tensor:
    """Make images by bilinear interpolation; what is outside mirrors the inside.

    The mirror is the centre of the border's pixels, as for OpenCV's ``BORDER_REFLECT_101``.

    Args:
        images: float32 ``[n, C, H, W]``.
        matrices: From positions of the result to those of ``images``, float64 ``[n, 3, 3]``.
        size: Height h and width w of the result.

    Returns:
        float32 ``[n, C, h, w]``.
    """
    # align_corners=True: -1 and 1 are the centres of the border's pixels, about which the mirror is
    last = torch.tensor([images.shape[3] - 1, images.shape[2] - 1], dtype=torch.float64)
    scaled = 2 * matrices[:, :2] / last.clamp(min=1)[:, None]
    scaled[:, :, 2] -= 1
    per_x, per_y, start = scaled.to(images)[..., None, None].unbind(dim=2)
    x = torch.arange(size[1], device=images.device)
    y = torch.arange(size[0], device=images.device)[:, None]
    # not as a matrix product, which reduced precision would round by whole pixels
    grid = (per_x * x + (per_y * y + start)).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=True)


def _identities(count: int) -> Tensor:
    return torch.eye(3, dtype=torch.float64).repeat(count, 1, 1)

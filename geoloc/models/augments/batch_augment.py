"""Crop, turn, flip and recolour the images of a batch, each by chance of its own."""

import warnings
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from geoloc.models.augments.colour import change_brightness, change_contrast, change_saturation
from geoloc.models.augments.draws import Size, draw_crops, uniform
from geoloc.models.augments.geometry import (
    crop_matrices,
    flip_matrices,
    rotation_matrices,
    sample,
    steps,
)
from geoloc.models.augments.options import factors_of, ratios_of, share_of, size_of
from geoloc.registry import MODELS

LARGEST_STEP = 2.0  # px; bilinear sampling leaves pixels out beyond it


@MODELS.register_module()
class BatchAugment(nn.Module):
    """Augment the images of one view on the model's device, see ``ViewPreprocessor``.

    In this order, each image by draws of its own: rotation, crop, resize and flip, then
    brightness, contrast and saturation. It does what ``RandomRotation`` and mmpretrain's
    ``RandomResizedCrop``, ``RandomFlip`` and ``ColorJitter`` do one after the other in a loader,
    but for three things: pixels are interpolated once and not rounded, at the border of a crop with
    the pixels beyond it, and colours change in a fixed order, without hue. Whatever is left out
    does nothing.

    As in the loader's transforms, no filter precedes the sampling: bring images near the size of
    ``scale`` in the loader. Where neighbours are taken from more than 2 px apart, it warns.

    Args:
        scale: Height and width of the result in px, or one number for both. Defaults to those of
            the images.
        crop_ratio_range: Smallest and largest area of a crop, as a share of the image's; None
            takes whole images.
        aspect_ratio_range: Smallest and largest width per height of a crop before the resize.
        flip_prob: Probability that left and right change places.
        degrees: Images turn about their centre by an angle from [-degrees, degrees], before they
            are cropped; corners mirror the inside.
        brightness: The factor is drawn from [max(0, 1 - brightness), 1 + brightness], or from the
            range that is given. 1 changes nothing.
        contrast: The same.
        saturation: The same.

    Raises:
        ConfigError: If a range or a probability is none.
    """

    def __init__(
        self,
        scale: int | Sequence[int] | None = None,
        crop_ratio_range: Sequence[float] | None = None,
        aspect_ratio_range: Sequence[float] = (3 / 4, 4 / 3),
        flip_prob: float = 0.0,
        degrees: float = 0.0,
        brightness: float | Sequence[float] = 0.0,
        contrast: float | Sequence[float] = 0.0,
        saturation: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__()
        self.scale = None if scale is None else size_of(scale)
        self.crop_ratio_range = (
            None
            if crop_ratio_range is None
            else ratios_of("crop_ratio_range", crop_ratio_range, highest=1.0)
        )
        self.aspect_ratio_range = ratios_of("aspect_ratio_range", aspect_ratio_range)
        self.flip_prob = share_of("flip_prob", flip_prob, highest=1.0)
        self.degrees = share_of("degrees", degrees, highest=180.0)
        factors = {
            change_brightness: factors_of("brightness", brightness),
            change_contrast: factors_of("contrast", contrast),
            change_saturation: factors_of("saturation", saturation),
        }
        self.colours = {change: each for change, each in factors.items() if each != (1.0, 1.0)}

    def forward(self, images: Tensor) -> Tensor:
        """Return augmented images, float32 ``[n, 3, h, w]`` in grey values 0-255.

        Args:
            images: RGB, uint8 ``[n, 3, H, W]``.
        """
        before = (images.shape[2], images.shape[3])
        after = self.scale or before
        images = images.float()
        if moves := self._draw_moves(len(images), before, after):
            matrices = reduce(torch.matmul, moves)
            _warn_of_aliasing(matrices, before, after)
            images = sample(images, matrices, after)
        for change, factors in self.colours.items():
            images = change(images, uniform((len(images),), *factors))
        return images

    def _draw_moves(self, count: int, before: Size, after: Size) -> list[Tensor]:
        """Return the matrices of what is switched on; their product takes a result to its image."""
        moves = []
        if self.degrees:
            angles = uniform((count,), -self.degrees, self.degrees)
            moves.append(rotation_matrices(angles, before))
        if self.crop_ratio_range is not None:
            crops = draw_crops(count, before, self.crop_ratio_range, self.aspect_ratio_range)
            moves.append(crop_matrices(crops, after))
        elif after != before:
            whole = torch.tensor([[0, 0, *before]], dtype=torch.float64)
            moves.append(crop_matrices(whole.expand(count, 4), after))
        if self.flip_prob:
            flipped = uniform((count,), 0.0, 1.0) < self.flip_prob
            moves.append(flip_matrices(flipped, after[1]))
        return moves


def _warn_of_aliasing(matrices: Tensor, before: Size, after: Size) -> None:
    if (steps(matrices) > LARGEST_STEP).any():
        warnings.warn(
            f"BatchAugment makes {after[0]} x {after[1]} px of images of {before[0]} x {before[1]} "
            f"px and takes pixels more than {LARGEST_STEP:g} px apart, so that fine detail "
            "becomes noise: let the loader resize images to at most "
            f"{LARGEST_STEP:g} times that size",
            stacklevel=3,
        )

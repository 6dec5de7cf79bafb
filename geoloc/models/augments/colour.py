"""Brightness, contrast and saturation of a batch, by a factor per image.

The formulas are those of torchvision's ``adjust_brightness``, ``adjust_contrast`` and
``adjust_saturation``: a blend of the image with another, cut off at black and white. Images are RGB
in grey values 0-255, float32 ``[n, 3, H, W]``; factors are ``[n]``, and 1 changes nothing.
"""

import torch
from torch import Tensor

LUMA = (0.2989, 0.587, 0.114)  # what red, green and blue add to the grey that people see


def change_brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with black."""
    return _blend(images, torch.zeros((), device=images.device), factors)


def change_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with the mean grey of the image."""
    return _blend(images, _grey(images).mean(dim=(2, 3), keepdim=True), factors)


def change_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with the grey image."""
    return _blend(images, _grey(images), factors)


def _grey(images: Tensor) -> Tensor:
    red, green, blue = images.unbind(dim=1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[:, None]


def _blend(images: Tensor, others: Tensor, factors: Tensor) -> Tensor:
    weights = factors.to(images).view(-1, 1, 1, 1)
    return others.lerp(images, weights).clamp_(0, 255)

"""The options of ``BatchAugment``, checked and in one form."""

import math
from collections.abc import Sequence

from geoloc.errors import ConfigError
from geoloc.models.augments.draws import Range, Size


def size_of(scale: int | Sequence[int]) -> Size:
    """Return height and width.

    Raises:
        ConfigError: If they are no positive whole numbers.
    """
    size = (scale, scale) if isinstance(scale, int) else tuple(scale)
    if len(size) != 2 or any(not isinstance(side, int) or side < 1 for side in size):
        raise ConfigError(
            f"BatchAugment scale={scale!r} must be (height, width) in px, or one number for both"
        )
    return size[0], size[1]


def ratios_of(name: str, values: Sequence[float], highest: float = math.inf) -> Range:
    """Return a range of positive numbers.

    Raises:
        ConfigError: If it is none, or goes beyond ``highest``.
    """
    low, high = _pair(name, values)
    if not 0.0 < low <= high <= highest:
        bounds = "" if highest == math.inf else f", {highest:g} at most"
        raise ConfigError(
            f"BatchAugment {name}={values!r} must be (low, high) above 0{bounds}, with low <= high"
        )
    return low, high


def factors_of(name: str, value: float | Sequence[float]) -> Range:
    """Return the range of factors around 1 that one number means, or the range that is given.

    Raises:
        ConfigError: If it is none, or has negative numbers.
    """
    if isinstance(value, (int, float)):
        low, high = max(0.0, 1.0 - value), 1.0 + value
    else:
        low, high = _pair(name, value)
    if not 0.0 <= low <= high < math.inf:
        raise ConfigError(
            f"BatchAugment {name}={value!r} must be a number, 0 or more, or (low, high) with "
            "0 <= low <= high"
        )
    return low, high


def share_of(name: str, value: float, highest: float) -> float:
    """Return a number from 0 to ``highest``.

    Raises:
        ConfigError: If it is none.
    """
    if not 0.0 <= value <= highest:
        raise ConfigError(f"BatchAugment {name}={value!r} must be within [0, {highest:g}]")
    return value


def _pair(name: str, values: Sequence[float]) -> Range:
    if len(values) != 2:
        raise ConfigError(f"BatchAugment {name}={values!r} must be two numbers, (low, high)")
    return values[0], values[1]

"""Colours and names of relevance levels, the same in every picture."""

from bisect import bisect_left
from collections.abc import Sequence

# Okabe and Ito's colours, which colour-blind readers tell apart: the nearest first, and in the end
# what is beyond all thresholds. A text says the same beside them, always.
NEAREST, FARTHEST = "#009e73", "#d55e00"
BETWEEN = ("#56b4e9", "#e69f00", "#cc79a7")
UNKNOWN = "#8a8f98"


def ring_colours(rings: int) -> list[str]:
    """Return the colour of every ring about a true position, and in the end of what is outside.

    Args:
        rings: Their number; from five on those in the middle share a colour.
    """
    between = [BETWEEN[min(ring, len(BETWEEN) - 1)] for ring in range(rings - 1)]
    return [NEAREST, *between, FARTHEST] if rings else [UNKNOWN]


def level_colour(level: int | None, highest: int) -> str:
    """Return the colour of a relevance level, from ``highest`` (the place itself) to 0."""
    if level is None:
        return UNKNOWN
    return ring_colours(highest)[max(0, highest - level)]


def ring_names(thresholds_m: Sequence[float]) -> list[str]:
    """Return what the colours of rings mean: ``within 200 m``, ..., ``beyond 500 m``."""
    if not thresholds_m:
        return ["no thresholds"]
    return [
        *(f"within {metres(threshold)}" for threshold in thresholds_m),
        f"beyond {metres(thresholds_m[-1])}",
    ]


def ring_of(distance_m: float, thresholds_m: Sequence[float]) -> int:
    """Return which ring a distance lies in, 0 for the nearest; a bound belongs to its ring."""
    return bisect_left(thresholds_m, distance_m)


def metres(distance_m: float) -> str:
    """Return a distance as it is read: ``3.4 m``, ``250 m``, ``12.3 km``."""
    if distance_m < 9.95:
        return f"{distance_m:.1f} m".replace(".0 m", " m")
    if distance_m < 9999.5:
        return f"{distance_m:.0f} m"
    return f"{distance_m / 1000:,.1f} km"

"""What the compiled renderers see of a campus under one light."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Scene(NamedTuple):
    """Maps of a campus; rows run north, columns run east.

    Attributes:
        heights: Height above the ground, m, float32 ``[N, N]``.
        colours: sRGB and cover class, uint8 ``[N, N, 4]``.
        owners: Number of the building (from 1) or 0, uint16 ``[N, N]``.
        pyramid: See :func:`geoloc.campusworld.raymarch.build_pyramid`.
        beam_map: See :func:`geoloc.campusworld.raymarch.build_beam_map`.
        sky: Share of the sky seen from the ground, float32 ``[M, M]``, coarse cells.
        ceiling: Height below which the sun is hidden, m, float32 ``[M, M]``, coarse cells.
        frames: x, y (m), cosine, sine of each building, ``[B, 4]``.
        facades: Facade row of each building, ``[B, 12]``.
        light: ``Light.packed()``, ``[22]``.
        cell_m: Side of a map cell, m.
        coarse_m: Side of a coarse cell, m.
        top: Greatest height, m.
    """

    heights: NDArray[np.float32]
    colours: NDArray[np.uint8]
    owners: NDArray[np.uint16]
    pyramid: NDArray[np.float32]
    beam_map: NDArray[np.float32]
    sky: NDArray[np.float32]
    ceiling: NDArray[np.float32]
    frames: NDArray[np.float64]
    facades: NDArray[np.float64]
    light: NDArray[np.float64]
    cell_m: float
    coarse_m: float
    top: float

"""Area accuracy: is the prediction in the right country, region, sub-region and city (OSV5M)?"""

import numpy as np
from numpy.typing import NDArray

MISSING = ("", "nan", "NaN")


def area_hits(
    predicted: NDArray[np.str_], true: NDArray[np.str_], strict_official: bool = False
) -> NDArray[np.float64]:
    """Return 1 where the predicted area is the true one, 0 where not, NaN where there is none.

    Names are ``unique_*`` of OSV5M: the area and those around it, joined by ``_``
    (``Waitangi_NaN_Chatham Islands_NZ``).

    Args:
        predicted: Names ``[Q]``.
        true: Names ``[Q]``.
        strict_official: Compare as the official code does (known): only the name ``nan`` is
            missing. The dataset writes ``NaN``, so that a missing area counts as wrong, and a city
            without sub-region never matches, because the reverse geocoder leaves that part empty.
            By default ``NaN``, ``nan`` and empty parts are the same, and an area without a name of
            its own is left out.

    Returns:
        float64 ``[Q]``.
    """
    if strict_official:
        known = true != "nan"
    else:
        predicted, true = _normalised(predicted), _normalised(true)
        known = ~np.isin(true, MISSING) & ~np.char.startswith(true, "_")
    return np.where(known, (predicted == true).astype(np.float64), np.nan)


def _normalised(names: NDArray[np.str_]) -> NDArray[np.str_]:
    different, which = np.unique(names, return_inverse=True)
    parts = [name.split("_") for name in different.tolist()]
    clean = ["_".join("" if part in MISSING else part for part in name) for name in parts]
    return np.array(clean, dtype=np.str_)[which]

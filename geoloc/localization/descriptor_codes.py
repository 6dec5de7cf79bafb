"""Descriptors in fewer bytes: float32, float16, or int8.

An int8 code is the descriptor times the factor that takes its largest entry to 127, rounded. The
factor is not stored, because a descriptor has length 1: decoding divides the code by its length.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.errors import GalleryError

DTYPES = ("float32", "float16", "int8")
LARGEST = 127


def check_dtype(dtype: str) -> None:
    """Refuse a type that galleries do not have.

    Raises:
        GalleryError: If it is not among ``DTYPES``.
    """
    if dtype not in DTYPES:
        raise GalleryError(f"dtype={dtype!r} must be one of {', '.join(DTYPES)}")


def encode(descriptors: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    """Return L2-normalised descriptors ``[n, D]`` in the type they are stored in.

    Encoding what ``decode`` returned gives the same codes again.
    """
    if dtype != "int8":
        return descriptors.astype(dtype)
    largest = np.abs(descriptors).max(axis=1, keepdims=True, initial=0)
    codes: NDArray[np.int8] = np.rint(descriptors * (LARGEST / largest)).astype(np.int8)
    return codes


def decode(codes: NDArray[Any]) -> NDArray[np.float32]:
    """Return the descriptors that codes ``[n, D]`` stand for, float32 ``[n, D]``."""
    values = np.asarray(codes, dtype=np.float32)
    if codes.dtype == np.int8:
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values

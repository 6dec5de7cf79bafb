"""Fixtures shared by the tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Golden = Callable[[str], dict[str, np.ndarray]]


@pytest.fixture(scope="session")
def golden() -> Golden:
    """Return a reader of the conformance vectors computed with the official implementations."""
    folder = Path(__file__).parent / "golden"

    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    return read

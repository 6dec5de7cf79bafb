"""Fixtures shared by the tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Golden = Callable[[str], dict[str, np.ndarray]]
ROOT = Path(__file__).parent.parent
METRES_PER_DEGREE = 111_195.0  # of latitude, to half a percent


@pytest.fixture(scope="session")
def golden() -> Golden:
    """Return a reader of the conformance vectors computed with the official implementations."""
    folder = Path(__file__).parent / "golden"

    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    return read


def write_da_campus(root: Path, train: int = 12, test: int = 6, views: int = 3) -> Path:
    """Write a small dataset in the layout of DA-Campus: two campuses per split, 90 m apart places.

    Every place has a colour of its own, so that a network can learn something.
    """
    rng = np.random.default_rng(0)
    for view in ("satellite", "drone"):
        for split, first, count in (("train", 1, train), ("test", train + 1, test)):
            rows = ["path class_id latitude longitude"]
            for place in range(first, first + count):
                colour = np.random.default_rng(place).integers(0, 256, 3)
                lat = 30.0 + (place % 2) * 0.1 + place // 2 * 90.0 / METRES_PER_DEGREE
                for number in range(views if view == "drone" else 1):
                    path = f"{split}/{place:04d}/{number}.jpg"
                    pixels = np.clip(colour + rng.normal(0, 25, (40, 40, 3)), 0, 255)
                    (root / view / path).parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels.astype(np.uint8)).save(root / view / path)
                    rows.append(f"{path} {place} {lat:.8f} 114.0")
            (root / view / f"{split}.txt").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="session")
def da_campus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a small dataset in the layout of DA-Campus; do not write to it."""
    return write_da_campus(tmp_path_factory.mktemp("da_campus"))


@pytest.fixture
def small_config(tmp_path: Path, da_campus: Path) -> Callable[..., Path]:
    """Return a writer of run configs that train a config of the repository on the small dataset."""

    def write(base: str = "dycl/dycl_r18_campusworld.py", extra: str = "") -> Path:
        source = f"dict(_delete_=True, type='DACampus', data_root={str(da_campus)!r}, counts=None)"
        text = f"""
_base_ = {str(ROOT / "configs" / base)!r}
amp = False
num_threads = 1
train_cfg = dict(max_epochs=2, val_interval=2)
train_dataloader = dict(batch_size=6, num_workers=0, persistent_workers=False,
                        dataset=dict(source={source}))
val_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False,
                      dataset=dict(source={source}))
test_dataloader = val_dataloader
"""
        if "dycl" in base:
            text += "model = dict(losses=dict(clustering=dict(num_places=12)))\n"
        path = tmp_path / "small.py"
        path.write_text(text + extra)
        return path

    return write

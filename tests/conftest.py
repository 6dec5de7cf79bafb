"""Fixtures shared by the tests."""

import functools
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image

from geoloc.datasets.index import Index

Golden = Callable[[str], dict[str, np.ndarray]]
ROOT = Path(__file__).parent.parent
METRES_PER_DEGREE = 111_195.0  # of latitude, to half a percent

# A test does not fail because the machine is busy, and not on one run in a hundred: examples
# are a function of the test. To search among new ones: pytest --hypothesis-profile=default.
settings.register_profile("geoloc", deadline=None, derandomize=True)
settings.load_profile("geoloc")

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # the other cores belong to the other workers


@pytest.fixture(scope="session")
def golden() -> Golden:
    """Return a reader of the conformance vectors computed with the official implementations."""
    folder = Path(__file__).parent / "golden"

    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    return read


def one_campus(places: int, views: int, root: Path = Path(), spread_deg: float = 0.015) -> Index:
    """Return an index of drone images, ``views`` per place, and then one satellite image each."""
    rng = np.random.default_rng(0)
    latlon = np.array([30.0, 114.0]) + rng.uniform(0, spread_deg, (places, 2))
    place = np.concatenate([np.repeat(np.arange(places), views), np.arange(places)])
    view = np.array(["drone"] * (places * views) + ["satellite"] * places)
    path = np.array([f"{number}.jpg" for number in range(len(place))])
    return Index(path, view, place, *latlon[place].T, np.full(len(place), "test"), root)


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


def write_small_config(
    folder: Path,
    data_root: Path,
    base: str = "dycl/dycl_r18_campusworld.py",
    extra: str = "",
    places: int = 12,
    batch_size: int = 6,
    epochs: int = 2,
) -> Path:
    """Write a run config that trains a config of the repository on a small dataset."""
    source = f"dict(_delete_=True, type='DACampus', data_root={str(data_root)!r}, counts=None)"
    text = f"""
_base_ = {str(ROOT / "configs" / base)!r}
amp = False
num_threads = 1
train_cfg = dict(max_epochs={epochs}, val_interval={epochs})
train_dataloader = dict(batch_size={batch_size}, num_workers=0, persistent_workers=False,
                        dataset=dict(source={source}))
val_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False,
                      dataset=dict(source={source}))
test_dataloader = val_dataloader
"""
    if "dycl" in base:
        text += f"model = dict(losses=dict(clustering=dict(num_places={places})))\n"
    (folder / "small_base.py").write_text(text)
    path = folder / "small.py"
    path.write_text("_base_ = 'small_base.py'\n" + extra)
    return path


@pytest.fixture
def small_config(tmp_path: Path, da_campus: Path) -> Callable[..., Path]:
    """Return a writer of run configs that train a config of the repository on the small dataset."""
    return functools.partial(write_small_config, tmp_path, da_campus)


def free_port() -> int:
    """Return a port on which several processes of one run can meet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def run_tool(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a runner of ``python tools/<name>.py ...`` in an empty folder, as a user would.

    It sees no GPU: what is compared there digit for digit is computed on the CPU.
    """

    def run(name: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "tools" / name), *map(str, arguments)]
        if name.endswith(".sh"):
            command.pop(0)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "CUDA_VISIBLE_DEVICES": "",
                "PORT": str(free_port()),
                "PATH": path,
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run

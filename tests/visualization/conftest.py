"""Answers and run folders with pictures, small enough for every test."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from geoloc.datasets.index import Index
from geoloc.evaluation.hierarchical_retrieval import HierarchicalRetrieval
from geoloc.evaluation.results import save_run
from geoloc.localization import Answer, Answers, Unread

THRESHOLDS_M = (3.0, 200.0, 500.0)
HOSTILE = 'it\'s "q" <b>&amp; </script><script>alert(1)</script> ü日'
METRES_PER_DEGREE = 111_195.0


def draw_image(file: Path, colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> Path:
    """Write a picture of one colour."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file)
    return file


def make_answers(folder: Path, centre: tuple[float, float] = (46.8, -92.0)) -> Answers:
    """Return answers about six photos in a row, 100 m off, 150 m off, and so on; the last unknown.

    The gallery holds three places, of which every photo finds all.
    """
    gallery = [draw_image(folder / f"gallery/{k}.png", (80 * k, 200, 0)) for k in range(3)]
    answers = []
    for number in range(6):
        lat, lon = centre[0] + 0.01 * number, centre[1]
        off = (100 + 50 * number * number) / METRES_PER_DEGREE
        found = np.array([[lat + off, lon], [lat + 2 * off, lon], [lat + 3 * off, lon]])
        answers.append(
            Answer(
                draw_image(folder / f"photos/{number}.jpg", (0, 0, 40 * number)),
                np.arange(3),
                found,
                np.array([0.9, 0.8, 0.7], dtype=np.float32),
                tuple(gallery),
                None if number == 5 else (lat, lon),
                (float(found[0, 0]), float(found[0, 1])),
                120.0,
                0.9,
            )
        )
    return Answers(answers, [Unread(folder / "notes<i>.txt", "It is no image.")])


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return make_answers(tmp_path)


def make_index(root: Path, campuses: int = 2, places: int = 8) -> Index:
    """Return an index of campuses 10 km apart, each a row of places with 1 + 2 images."""
    rows = [
        (campus, place, view)
        for campus in range(campuses)
        for place in range(places)
        for view in ("satellite", "drone", "drone")
    ]
    campus, place, view = (np.array(column) for column in zip(*rows, strict=True))
    ids = campus * places + place
    path = [f"{v}/{i}_{number}.jpg" for number, (v, i) in enumerate(zip(view, ids, strict=True))]
    lat = 30 + (10_000 * campus + 90 * place) / METRES_PER_DEGREE
    lon = 114 + 0.001 * (place % 3)
    return Index(path, view, ids, lat, lon, np.full(len(ids), "test"), root)


def write_run(folder: Path, images: Path, campuses: int = 2, places: int = 8) -> Path:
    """Write all files of a run, whose images exist."""
    index = make_index(images, campuses, places)
    rng = np.random.default_rng(0)
    for row in range(len(index)):
        shade = tuple(np.random.default_rng(int(index.place[row])).integers(0, 256, 3).tolist())
        draw_image(index.file(row), shade, (160, 120))
    where = index.place[:, None] * np.linspace(0.1, 0.6, 16)
    noisy = np.cos(where) + rng.normal(0, 0.35, where.shape)
    descriptors = torch.nn.functional.normalize(torch.from_numpy(noisy).float())
    results = HierarchicalRetrieval().measure(descriptors, index, THRESHOLDS_M)
    counts = {"places": campuses * places, "images": {"drone": 2, "satellite": 1}}
    protocol = {"dataset": "Made", "splits": {"test": counts}, "thresholds_m": list(THRESHOLDS_M)}
    save_run(folder, results, descriptors.numpy(), index, protocol, "0123456789ab")
    config = f"test_dataloader = dict(dataset=dict(source=dict(data_root={str(images)!r})))\n"
    (folder / "made.py").write_text(config + "name = '</pre><b>'\n")
    log = folder / "20260101_000000/vis_data/scalars.json"
    log.parent.mkdir(parents=True)
    records = [
        {"loss": 1 / step, "loss_dycl": 0.5 / step, "lr": 0.1, "iter": step, "step": step}
        for step in range(1, 9)
    ]
    records.append({"drone->satellite/H-AP": 40.0, "satellite->drone/H-AP": 35.0, "step": 1})
    records.append({"drone->satellite/H-AP": 45.0, "satellite->drone/H-AP": 38.5, "step": 2})
    log.write_text("\n".join(map(json.dumps, records)) + '\n{"loss": 0.')
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder; do not write to it."""
    folder = tmp_path_factory.mktemp("run")
    return write_run(folder / "work", folder / "images")

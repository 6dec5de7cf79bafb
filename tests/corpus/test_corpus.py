"""Whatever a file holds, it is read, or refused in one sentence that names it; it runs nothing."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from geoloc.command_line import main
from geoloc.datasets import Index, dense_uav
from geoloc.datasets.cvact import read_cvact
from geoloc.datasets.cvusa import read_cvusa
from geoloc.datasets.dyml_layout import read_labels
from geoloc.datasets.feature_file import read_features
from geoloc.datasets.photo_positions import read_positions
from geoloc.datasets.photo_table import read_photo_table
from geoloc.datasets.transforms import LoadImage
from geoloc.engine.checkpoint import load_local_checkpoint
from geoloc.engine.config import load_config
from geoloc.engine.run import prepare
from geoloc.errors import GeolocError
from geoloc.evaluation.descriptor_files import read_descriptors
from geoloc.evaluation.place_features import read_npz_features
from geoloc.evaluation.prediction_files import load_predictions
from geoloc.evaluation.results import read_json
from geoloc.geo.exif_gps import read_exif_position
from geoloc.geo.semivariogram.json_file import load_semivariogram
from geoloc.localization import Describer, Gallery, Localizer
from geoloc.localization.model_bundle import ModelBundle
from geoloc.localization.radius_calibration import RadiusCalibration
from geoloc.visualization.thumbnail import thumbnail
from tests.corpus import arrays, configs, images, tables
from tests.corpus.case import Case

CORPUS = images.corpus() | tables.corpus() | configs.corpus() | arrays.corpus()
MEMORY = 2**28  # bytes that a reader may ask for beyond what the process has
LONGEST = 1000  # characters of a sentence


def read_image(file: Path) -> None:
    thumbnail(file)  # which answers None
    loaded = LoadImage().transform({"img_path": str(file)})["img"]
    assert loaded.dtype == np.uint8
    assert loaded.shape[2:] == (3,)


def read_gallery(folder: Path) -> None:
    gallery = Gallery(folder)
    gallery.verify()
    gallery.latlon(np.arange(len(gallery)))
    gallery.images(np.arange(len(gallery)))
    gallery.search(np.eye(3, dtype=np.float32), 1)


READERS: dict[str, Callable[[Path], Any]] = {
    "image": read_image,
    "exif": read_exif_position,
    "index": Index.read_csv,
    "positions": read_positions,
    "photo table": lambda file: read_photo_table(file, "id"),
    "cvusa": lambda root: read_cvusa(root, polar=False),
    "cvact": lambda file: read_cvact(file.parent, ["train"], polar=False, official=False),
    "denseuav": dense_uav.read_positions,
    "dyml": lambda file: list(read_labels(file, ("fname", "labels"))),
    "config": lambda file: prepare(load_config(file)),
    "descriptors": read_descriptors,
    "features": read_features,
    "place features": read_npz_features,
    "predictions": lambda file: load_predictions(file.parent),
    "weights": lambda file: load_local_checkpoint(str(file)),
    "gallery": read_gallery,
    "semivariogram": load_semivariogram,
    "calibration": RadiusCalibration.load,
    "bundle": lambda file: ModelBundle.read(file.parent).trained_model(),
    "metrics": read_json,
}


@contextmanager
def little_memory() -> Iterator[None]:
    """Let the process ask for ``MEMORY`` more than it has, no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_the_corpus_is_large_and_has_no_entry_twice() -> None:
    assert len(CORPUS) >= 200
    assert {case.reader for case in CORPUS.values()} == READERS.keys()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CORPUS)
def test_a_file_is_read_or_refused_in_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CORPUS[name]
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "here").mkdir()
    given = case.write(folder)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path / "here")
    refusal = None
    try:
        with little_memory():
            READERS[case.reader](given)
    except GeolocError as error:
        refusal = error
    assert sorted(tmp_path.rglob("*")) == before, "something was written"
    check(case, given, refusal)


def check(case: Case, given: Path, refusal: GeolocError | None) -> None:
    assert case.fine is None or case.fine == (refusal is None), refusal
    if refusal is not None:
        message = str(refusal)
        assert "\n" not in message
        assert len(message) < LONGEST
        assert case.says in message
        assert given.name in message or case.says, message
        assert not any(isinstance(error, MemoryError) for error in causes(refusal)), message


@pytest.mark.parametrize(
    "name", ["descriptors, objects", "descriptors, bomb", "index, path that climbs", "index, bom"]
)
def test_the_command_says_so_too(name: str, tmp_path: Path) -> None:
    """``geoloc evaluate`` ends in that sentence, without a traceback."""
    np.save(tmp_path / "good.npy", np.eye(2))
    given = CORPUS[name].write(tmp_path)
    files = {
        "descriptors": (given, tmp_path / "index.csv"),
        "index": (tmp_path / "good.npy", given),
    }
    descriptors, index = files[CORPUS[name].reader]
    if not index.exists():
        index.write_text(tables.HEADER + tables.ROW)
    with pytest.raises(SystemExit, match=r"\Aerror: [^\n]+\Z"):
        main(["evaluate", str(descriptors), "--index", str(index)])
    assert not (tmp_path / "MARK").exists()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_upright(orientation: int, tmp_path: Path) -> None:
    file = CORPUS[f"image, turned {orientation}"].write(tmp_path)
    loaded = LoadImage().transform({"img_path": str(file)})["img"]
    width, height = images.SIZE
    assert loaded.shape[:2] == ((height, width) if orientation < 5 else (width, height))


def test_16_bits_of_grey_are_not_all_white(tmp_path: Path) -> None:
    file = CORPUS["image, 16 bits, grey"].write(tmp_path)
    loaded = LoadImage().transform({"img_path": str(file)})["img"]
    with Image.open(file) as image:
        expected = np.asarray(image) // 256
    assert (loaded == expected[:, :, None]).all()
    assert np.asarray(thumbnail(file)).std() > 50


class MeanColour(torch.nn.Module):
    """A model that describes an image by its colour."""

    def data_preprocessor(self, batch: dict[str, Any], training: bool) -> dict[str, Any]:
        return batch

    def describe(self, inputs: torch.Tensor, view: str) -> torch.Tensor:
        return inputs.float().mean(dim=(2, 3)) + 1


def test_a_folder_of_everything_is_accounted_for(tmp_path: Path) -> None:
    """Localization goes on past every bad photo and says what was wrong with it."""
    for number, name in enumerate(CORPUS):
        if CORPUS[name].reader in ("image", "exif") and name != "image, folder":
            (tmp_path / f"photos/{number}").mkdir(parents=True)
            CORPUS[name].write(tmp_path / f"photos/{number}")
    os.mkfifo(tmp_path / "photos/pipe.jpg")
    pipeline = [
        {"type": "LoadImage"},
        {"type": "mmpretrain.Resize", "scale": (8, 8)},
        {"type": "mmpretrain.PackInputs"},
    ]
    pipelines = {"drone": pipeline, "satellite": pipeline}
    describer = Describer(MeanColour(), pipelines, workers=1, device="cpu")
    record = describer.record("satellite")
    Gallery.from_arrays(tmp_path / "g", np.eye(3), np.ones((3, 2)), model=record)
    answers = Localizer(describer, gallery=tmp_path / "g").localize(tmp_path / "photos")
    answered = {Path(answer.photo) for answer in answers}
    unread = {one.file: one.reason for one in answers.unread}
    for number, (name, case) in enumerate(CORPUS.items()):
        if case.reader == "image" and case.fine is not None and name != "image, folder":
            (file,) = (tmp_path / f"photos/{number}").iterdir()
            assert (file in answered, file in unread) == (case.fine, not case.fine), name
    assert unread[tmp_path / "photos/pipe.jpg"] == "no regular file"
    (empty,) = (tmp_path / f"photos/{[*CORPUS].index('image, empty')}").iterdir()
    assert unread[empty] == "the file is empty (0 bytes)"
    assert all(reason and "\n" not in reason for reason in unread.values())

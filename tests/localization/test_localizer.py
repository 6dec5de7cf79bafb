"""From photos to answers, with a model, a gallery and files of all kinds."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoloc.datasets.source import IndexDataset
from geoloc.errors import CheckpointError, ConfigError, DatasetError, GalleryError
from geoloc.localization import Describer, Gallery, Localizer, build_gallery, calibrate
from geoloc.registry import DATASETS
from tests.datasets.test_dataset_from_photos import mixed_folder, write_photo
from tests.geo.test_geotiff import SCALE, TIEPOINT, noise, write_geotiff
from tests.localization.conftest import Files


@pytest.fixture(scope="module")
def gallery(world: Path, describer: Describer, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("gallery") / "g"
    return build_gallery(folder, world / "satellite", describer, "satellite")


def test_every_photo_finds_its_place(gallery: Gallery, world: Path, describer: Describer) -> None:
    localizer = Localizer(describer, gallery=gallery.folder)
    assert localizer.view == "drone"
    answers = localizer.localize(world / "drone", top_k=3)
    assert len(answers) == 12
    assert not answers.unread
    for answer in answers:
        assert answer.images[0].name == answer.photo.name
        assert answer.images[0].parent == world / "satellite"
        assert answer.scores[0] == pytest.approx(1, abs=1e-5)
        assert answer.distances_m is not None
        assert answer.distances_m[0] == pytest.approx(18.2, abs=0.2)
        assert answer.radius_m is None
    assert len(localizer.localize(world / "drone/3.png", top_k=99)[0].rows) == 12


def test_photos_in_every_form_get_the_same_answer(
    gallery: Gallery, world: Path, describer: Describer
) -> None:
    localizer = Localizer(describer, gallery=gallery, estimate="top1")
    file = world / "drone/7.png"
    with Image.open(file) as image:
        pixels = np.array(image)
        grey = np.array(image.convert("L"))
        answers = localizer.localize([str(file), image, pixels, grey, Image.fromarray(grey), file])
    assert not answers.unread
    names = [answer.photo.name for answer in answers]
    assert names == ["7.png", "7.png", "image_2", "image_3", "image_4"]  # a file counts once
    for answer in answers[1:3]:
        np.testing.assert_array_equal(answer.rows, answers[0].rows)
        np.testing.assert_allclose(answer.scores, answers[0].scores, atol=1e-5)
    assert answers[1].position == answers[0].position
    assert answers[2].position is None
    np.testing.assert_allclose(answers[3].scores, answers[4].scores, atol=1e-5)
    bad = [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 7), np.uint8), np.zeros(3, np.uint8)]
    answers = localizer.localize(bad)
    assert not len(answers)
    assert all("is no image" in unread.reason for unread in answers.unread)


def test_a_mixed_folder_never_stops(gallery: Gallery, describer: Describer, tmp_path: Path) -> None:
    reasons = mixed_folder(tmp_path)
    answers = Localizer(describer, gallery=gallery).localize(tmp_path)
    assert {answer.photo.name for answer in answers} == {"a.jpg", "ü 日本.jpg"}
    unread = {one.file.name: one.reason for one in answers.unread}
    assert set(unread) == {*reasons, "cut.jpg", "notes.txt"}
    assert "cannot be decoded" in unread["cut.jpg"]
    answers.to_csv(tmp_path / "answers.csv")
    answers.to_geojson(tmp_path / "answers.geojson")


def test_reranking_orders_the_best_places_anew(
    gallery: Gallery, world: Path, describer: Describer
) -> None:
    localizer = Localizer(describer, gallery=gallery)
    plain = localizer.localize(world / "drone", top_k=12)
    config = {"type": "KReciprocal", "k1": 4, "k2": 2, "lam": 0.3, "depth": 8}
    reranked = localizer.localize(world / "drone", top_k=5, rerank=config)
    for before, after in zip(plain, reranked, strict=True):
        assert set(after.rows) <= set(before.rows[:8])
        assert (np.diff(after.scores) <= 0).all()
        assert after.rows[0] == before.rows[0]
    alone = localizer.localize(world / "drone/5.png", top_k=5, rerank=config)[0]
    together = next(answer for answer in reranked if answer.photo.name == "5.png")
    np.testing.assert_array_equal(alone.rows, together.rows)
    unchanged = localizer.localize(world / "drone/5.png", 5, {"type": "AlphaQE", "k": 1})
    assert unchanged[0].rows[0] == alone.rows[0]
    with pytest.raises(ConfigError, match=r"rerank\.depth=1"):
        localizer.localize(world, rerank={"type": "AlphaQE", "depth": 1})


def test_the_radius_is_kept_with_the_gallery(
    world: Path, describer: Describer, tmp_path: Path
) -> None:
    gallery = build_gallery(tmp_path / "g", world / "satellite", describer, "satellite")
    localizer = Localizer(describer, gallery=gallery)
    calibration = calibrate(localizer, world / "drone", confidence=0.8, top_k=3)
    assert calibration.photos == 12
    answers = Localizer(describer, gallery=tmp_path / "g").localize(world / "drone", top_k=3)
    inside = [
        answer.error_m <= answer.radius_m
        for answer in answers
        if answer.error_m is not None and answer.radius_m is not None
    ]
    assert len(inside) == 12
    assert np.mean(inside) >= 0.5
    assert {answer.confidence for answer in answers} == {0.8}
    with pytest.warns(UserWarning, match="another top_k"):
        assert localizer.localize(world / "drone", top_k=4)[0].radius_m is None
    build_gallery(tmp_path / "g", world / "satellite", describer, "satellite", append=True)
    with pytest.warns(UserWarning, match="another gallery"):
        later = Localizer(describer, gallery=tmp_path / "g").localize(world / "drone", top_k=3)
    assert later[0].radius_m is None
    with pytest.raises(ConfigError, match="at least 18 photos"):
        calibrate(localizer, world / "drone")


def test_another_model_is_refused(gallery: Gallery, files: Files, describer: Describer) -> None:
    record = describer.record("drone")
    with pytest.raises(GalleryError, match=record.fingerprint):
        Localizer(files.config, files.other, gallery)
    again = Localizer(files.config, files.checkpoint, gallery)
    assert again.describer.record("drone") == record
    with pytest.raises(CheckpointError, match="does not exist"):
        Localizer(files.config, "absent.pth", gallery)


def test_the_image_size_belongs_to_the_model(files: Files, gallery: Gallery) -> None:
    text = files.config.read_text().replace("(32, 32)", "(48, 48)")
    other = files.config.with_name("larger.py")
    other.write_text(text)
    with pytest.raises(GalleryError, match="with config"):
        Localizer(other, files.checkpoint, gallery)


def test_a_gallery_of_tiles(describer: Describer, tmp_path: Path) -> None:
    tags = {SCALE: (2e-5, 1e-5, 0), TIEPOINT: (0, 0, 0, 24.75, 60.25, 0)}
    pixels = noise(90, 90)
    file = write_geotiff(tmp_path / "ortho.tif", pixels, 4326, tags)
    gallery = build_gallery(
        tmp_path / "g", file, describer, "satellite", ground_size_m=33.5, overlap=0.5
    )
    names = [image.name for image in gallery.images(np.arange(len(gallery)))]
    column, row, width, height = map(int, names[6].partition("=")[2].split(","))
    crop = pixels[row : row + height, column : column + width]
    answer = Localizer(describer, gallery=gallery).localize(crop)[0]
    assert answer.rows[0] == 6
    lat, lon = 60.25 - 1e-5 * (row + height / 2), 24.75 + 2e-5 * (column + width / 2)
    np.testing.assert_allclose(answer.latlon[0], (lat, lon), atol=1e-9)
    with pytest.raises(ConfigError, match="ground_size_m"):
        build_gallery(tmp_path / "h", file, describer, "satellite")


def test_a_gallery_of_a_dataset(world: Path, describer: Describer, tmp_path: Path) -> None:
    source = DATASETS.build({"type": "DatasetFromPhotos", "data_root": world})
    gallery = build_gallery(tmp_path / "g", source, describer, "satellite", dtype="float16")
    assert len(gallery) == 12
    source.index.to_csv(tmp_path / "index.csv")
    again = IndexDataset(tmp_path / "index.csv", root=world)
    second = build_gallery(tmp_path / "h", again, describer, "satellite", split="test")
    rows = np.arange(12)
    np.testing.assert_array_equal(gallery.latlon(rows), second.latlon(rows))
    with pytest.raises(DatasetError, match="0 images of view 'satellite' in split 'train'"):
        build_gallery(tmp_path / "i", source, describer, "satellite", split="train")
    with pytest.raises(ConfigError, match="'street'"):
        build_gallery(tmp_path / "i", source, describer, "street")


def test_what_a_gallery_leaves_out_is_told(describer: Describer, tmp_path: Path) -> None:
    root = tmp_path / "images"
    write_photo(root / "a.jpg", (1.0, 2.0))
    write_photo(root / "nowhere.jpg")
    (root / "empty.jpg").touch()
    whole = write_photo(root / "@@@@@3@4@.jpg").read_bytes()
    (root / "@@@@@3@5@.jpg").write_bytes(whole[: len(whole) // 2])
    gallery = build_gallery(tmp_path / "g", root, describer, "satellite")
    assert len(gallery) == 2
    reasons = {unread.file.name: unread.reason for unread in gallery.unread}
    assert "empty" in reasons["empty.jpg"]
    assert "no position" in reasons["nowhere.jpg"]
    assert "cannot be decoded" in reasons["@@@@@3@5@.jpg"]
    for file in ("a.jpg", "@@@@@3@4@.jpg"):
        (root / file).unlink()
    with pytest.raises(GalleryError, match=r"no row.*3 files were left out"):
        build_gallery(tmp_path / "h", root, describer, "satellite")
    assert not (tmp_path / "h/gallery.json").exists()


def test_arguments_that_cannot_work(
    gallery: Gallery, describer: Describer, files: Files, world: Path
) -> None:
    with pytest.raises(ConfigError, match="gallery="):
        Localizer(describer)
    with pytest.raises(ConfigError, match="checkpoint"):
        Localizer(files.config, gallery=gallery)
    with pytest.raises(ConfigError, match="'street'"):
        Localizer(describer, gallery=gallery, view="street")
    with pytest.raises(ConfigError, match="estimate='mean'"):
        Localizer(describer, gallery=gallery, estimate="mean")
    with pytest.raises(ConfigError, match="top_k=0"):
        Localizer(describer, gallery=gallery).localize(world, top_k=0)


def test_a_gallery_of_unknown_origin_is_used_with_a_warning(
    world: Path, describer: Describer, tmp_path: Path
) -> None:
    values = np.random.default_rng(0).normal(size=(5, 16))
    latlon = np.random.default_rng(0).uniform(-60, 60, (5, 2))
    Gallery.from_arrays(tmp_path / "g", values, latlon)
    with pytest.warns(UserWarning, match="does not say"):
        localizer = Localizer(describer, gallery=tmp_path / "g", view="drone")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = localizer.localize(world / "drone")
    assert answers[0].images == ()
    assert len(answers[0].rows) == 5

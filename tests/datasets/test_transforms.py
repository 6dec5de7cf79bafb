from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from PIL import Image

from geoloc.datasets import LoadImage, RandomRotation
from geoloc.datasets.pipeline import ViewPipelines
from geoloc.errors import ConfigError, ImageError, UnknownTypeError
from geoloc.registry import TRANSFORMS


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return tmp_path / "picture.png", pixels


def test_load_image(picture):
    file, pixels = picture
    results = LoadImage()({"img_path": str(file)})
    np.testing.assert_array_equal(results["img"], pixels)
    assert results["img"].dtype == np.uint8
    assert results["img_shape"] == results["ori_shape"] == (20, 30)


@pytest.mark.parametrize(
    ("shortest_side", "shape"),
    [(None, (480, 640)), (481, (480, 640)), (240, (240, 320)), (100, (120, 160)), (1, (60, 80))],
)
def test_a_jpeg_is_decoded_as_small_as_allowed(tmp_path, shortest_side, shape):
    steps = np.add.outer(np.arange(480), np.arange(640)) % 256 // 64 * 64
    pixels = np.stack([steps, steps.T[:480, :480].mean() + 0 * steps, 255 - steps], axis=2)
    whole = Image.fromarray(pixels.astype(np.uint8))
    whole.save(tmp_path / "a.jpg", quality=95)
    results = LoadImage(shortest_side)({"img_path": str(tmp_path / "a.jpg")})
    assert results["img_shape"] == results["img"].shape[:2] == shape
    expected = np.asarray(whole.resize(shape[::-1], Image.Resampling.BOX), dtype=float)
    assert np.abs(results["img"] - expected).mean() < 4


def test_small_decoding_keeps_the_orientation_and_other_formats(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (64, 32), "red").save(tmp_path / "turned.jpg", exif=exif)
    turned = LoadImage(16)({"img_path": str(tmp_path / "turned.jpg")})
    assert turned["img"].shape == (32, 16, 3)
    file, pixels = picture
    np.testing.assert_array_equal(LoadImage(8)({"img_path": str(file)})["img"], pixels)
    Image.new("CMYK", (64, 64)).save(tmp_path / "cmyk.jpg")
    assert LoadImage(16)({"img_path": str(tmp_path / "cmyk.jpg")})["img"].shape == (16, 16, 3)


def test_no_pixels_are_refused():
    with pytest.raises(ConfigError, match="shortest_side=0"):
        LoadImage(0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    """The stored pixels are what each orientation's inverse makes of one upright picture."""
    upright = np.zeros((8, 12, 3), dtype=np.uint8)
    upright[:4, :6] = [250, 10, 10]
    upright[:4, 6:] = [10, 250, 10]
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "o.png", exif=exif)
    loaded = LoadImage()({"img_path": str(tmp_path / "o.png")})
    np.testing.assert_array_equal(loaded["img"], upright)
    assert loaded["img_shape"] == (8, 12)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "LA", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    file = tmp_path / ("image.jpg" if mode == "CMYK" else "image.png")
    Image.new("RGB", (6, 4), (255, 255, 255)).convert(mode).save(file)
    image = LoadImage()({"img_path": str(file)})["img"]
    np.testing.assert_array_equal(image, np.full((4, 6, 3), 255))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_damaged_files_are_named(tmp_path, suffix):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(pixels).save(whole)
    for size in (0, 3, 40, whole.stat().st_size // 2):
        damaged = tmp_path / f"damaged{size}.{suffix}"
        damaged.write_bytes(whole.read_bytes()[:size])
        with pytest.raises(ImageError, match=f"image {damaged} cannot be decoded"):
            LoadImage()({"img_path": str(damaged)})


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png does not exist"):
        LoadImage()({"img_path": str(tmp_path / "gone.png")})
    with pytest.raises(ImageError, match="cannot be decoded"):
        LoadImage()({"img_path": str(tmp_path)})


def test_rotation_turns_about_the_centre(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    for angle, turns in ((90.0, 1), (180.0, 2), (-90.0, -1)):
        monkeypatch.setattr(np.random, "uniform", lambda low, high, angle=angle: angle)
        turned = RandomRotation()({"img": image})["img"]
        np.testing.assert_array_equal(turned, np.rot90(image, turns))


def test_rotation_draws_within_its_range_and_mirrors_the_border():
    np.random.seed(0)  # noqa: NPY002
    white = np.full((16, 24, 3), 255, dtype=np.uint8)
    asked = []
    original = cv2.getRotationMatrix2D
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            cv2, "getRotationMatrix2D", lambda c, a, s: asked.append(a) or original(c, a, s)
        )
        for _ in range(400):
            turned = RandomRotation(degrees=30.0)({"img": white})["img"]
            assert turned.shape == white.shape
            assert turned.min() == 255  # no black corner
    assert -30 <= min(asked) < -29
    assert 29 < max(asked) <= 30
    assert abs(np.mean(asked)) < 3


@pytest.mark.parametrize("degrees", [-1, 181, float("nan")])
def test_rotation_range_is_checked(degrees):
    with pytest.raises(ConfigError, match="degrees"):
        RandomRotation(degrees)


BORROWED = [
    {"type": "LoadImage"},
    {"type": "RandomRotation"},
    {"type": "mmpretrain.ResizeEdge", "scale": 24},
    {"type": "mmpretrain.RandomResizedCrop", "scale": 16, "crop_ratio_range": (0.16, 1.0)},
    {"type": "mmpretrain.RandomFlip", "prob": 0.5, "direction": "horizontal"},
    {"type": "mmpretrain.Resize", "scale": (20, 20)},
    {"type": "mmpretrain.CenterCrop", "crop_size": 12},
    {"type": "mmpretrain.PackInputs"},
]


@pytest.mark.parametrize("scope", [None, "geoloc"])
def test_borrowed_transforms_build_and_run(picture, scope):
    with DefaultScope.overwrite_default_scope(scope):
        pipelines = ViewPipelines({"drone": BORROWED})
    image = pipelines.load("drone", picture[0])
    assert image.dtype == torch.uint8
    assert image.shape == (3, 12, 12)


def test_plain_pipeline_keeps_the_pixels(picture):
    file, pixels = picture
    pipelines = ViewPipelines({"drone": [BORROWED[0], BORROWED[-1]]})
    np.testing.assert_array_equal(pipelines.load("drone", file), pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("config", [[], BORROWED[:-1], [BORROWED[-1], BORROWED[0]]])
def test_pipeline_must_end_with_pack_inputs(config):
    with pytest.raises(ConfigError, match=r"pipelines\['drone'\] must end with .*PackInputs"):
        ViewPipelines({"drone": config})


def test_misspelt_transform():
    with pytest.raises(UnknownTypeError, match="RandomRotation"):
        TRANSFORMS.build({"type": "RandomRotate"})


@pytest.mark.parametrize("name", ["grey.png", "grey.pgm", "grey.tif"])
def test_grey_values_of_16_bits_keep_their_brightness(name: str, tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    Image.fromarray(values).save(tmp_path / name)
    loaded = LoadImage()({"img_path": str(tmp_path / name)})["img"]
    np.testing.assert_array_equal(loaded[..., 0].ravel(), np.arange(256))

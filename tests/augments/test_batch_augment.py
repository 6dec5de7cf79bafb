import warnings

import pytest
import torch
from torchvision.transforms import functional

from geoloc.errors import ConfigError
from geoloc.models.augments import BatchAugment
from geoloc.registry import MODELS

EVERYTHING = {
    "scale": 24,
    "crop_ratio_range": (0.3, 1.0),
    "flip_prob": 0.5,
    "degrees": 180.0,
    "brightness": 0.3,
    "contrast": 0.3,
    "saturation": 0.3,
}


def pixels(n: int = 4, height: int = 32, width: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (n, 3, height, width), dtype=torch.uint8, generator=generator)


def test_nothing_is_changed_or_drawn_by_default() -> None:
    state = torch.get_rng_state()
    assert torch.equal(BatchAugment()(pixels()), pixels().float())
    assert torch.equal(torch.get_rng_state(), state)


def test_every_flip_and_no_flip() -> None:
    flipped = BatchAugment(flip_prob=1.0)(pixels())
    torch.testing.assert_close(flipped, pixels().flip(-1).float(), rtol=0, atol=1e-3)


def test_whole_images_are_resized() -> None:
    found = BatchAugment(scale=(20, 40))(pixels(height=16, width=32))
    expected = functional.resize(pixels(height=16, width=32).float(), [20, 40], antialias=False)
    assert found.shape == (4, 3, 20, 40)
    torch.testing.assert_close(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1], rtol=0, atol=0.01)


def test_colours_change_in_the_documented_order() -> None:
    ranges = {"brightness": (1.6, 1.6), "contrast": (0.5, 0.5), "saturation": (1.9, 1.9)}
    found = BatchAugment(**ranges)(pixels())
    expected = pixels() / 255
    for name, (factor, _) in ranges.items():
        expected = getattr(functional, f"adjust_{name}")(expected, factor)
    torch.testing.assert_close(found, 255 * expected, rtol=0, atol=1e-2)


def test_every_image_has_its_own_draw() -> None:
    torch.manual_seed(0)
    same = pixels(1).expand(16, 3, 32, 32)
    for name, value in EVERYTHING.items():
        if name == "scale":
            continue
        found = BatchAugment(**{name: value})(same)
        different = found.flatten(1).unique(dim=0)
        assert len(different) == (2 if name == "flip_prob" else 16), name


def test_draws_are_those_of_the_global_generator_of_the_cpu() -> None:
    augment = MODELS.build({"type": "BatchAugment", **EVERYTHING})
    torch.manual_seed(5)
    first, second = augment(pixels()), augment(pixels())
    torch.manual_seed(5)
    assert torch.equal(augment(pixels()), first)
    assert not torch.allclose(first, second)
    assert first.shape == (4, 3, 24, 24)
    assert first.dtype == torch.float32
    assert first.min() >= 0
    assert first.max() <= 255
    assert not augment.state_dict()
    assert augment(pixels()[:0]).shape == (0, 3, 24, 24)


def test_angles_and_factors_are_drawn_within_their_ranges() -> None:
    torch.manual_seed(0)
    grey = torch.full((500, 3, 4, 4), 100, dtype=torch.uint8)
    means = BatchAugment(brightness=0.2)(grey).mean(dim=(1, 2, 3))
    assert 80 <= means.min() < 81
    assert 119 < means.max() <= 120
    dark = BatchAugment(brightness=2.0)(grey).mean(dim=(1, 2, 3))  # from [0, 3], cut off at white
    assert dark.min() < 3
    assert dark.max() == 255
    image = torch.zeros(500, 3, 101, 101, dtype=torch.uint8)
    image[:, :, 50, 90] = 255  # 40 px to the right of the centre
    turned = BatchAugment(degrees=30.0)(image)[:, 0]
    rows = torch.arange(101.0)[:, None] - 50
    columns = torch.arange(101.0) - 50
    x, y = ((turned * part).sum((1, 2)) / turned.sum((1, 2)) for part in (columns, rows))
    angles = torch.atan2(-y, x).rad2deg()
    assert -30.5 < angles.min() < -29
    assert 29 < angles.max() < 30.5


def test_what_would_alias_is_told() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BatchAugment(scale=16)(pixels())
        BatchAugment(scale=8, crop_ratio_range=(0.05, 0.06))(pixels())
    with pytest.warns(UserWarning, match="makes 15 x 15 px of images of 32 x 32 px.* 2 px apart"):
        BatchAugment(scale=15, degrees=20.0)(pixels())


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("scale", 0, r"scale=0 must be \(height, width\) in px, or one number"),
        ("scale", (224,), r"scale=\(224,\) must be"),
        ("scale", (224.0, 224.0), "scale="),
        (
            "crop_ratio_range",
            (0.0, 1.0),
            r"crop_ratio_range=\(0.0, 1.0\) must be \(low, hi",
        ),
        ("crop_ratio_range", (0.5, 1.5), "above 0, 1 at most, with low <= high"),
        ("crop_ratio_range", (0.9, 0.5), "crop_ratio_range"),
        ("crop_ratio_range", (0.9,), "crop_ratio_range=.* must be two numbers"),
        ("aspect_ratio_range", (0.0, 1.0), r"aspect_ratio_range=.* above 0, with low <= high"),
        ("aspect_ratio_range", (float("nan"), 1.0), "aspect_ratio_range"),
        ("flip_prob", 1.5, r"flip_prob=1.5 must be within \[0, 1\]"),
        ("degrees", -1.0, r"degrees=-1.0 must be within \[0, 180\]"),
        ("degrees", float("nan"), "degrees"),
        ("brightness", -0.1, "brightness=-0.1 must be a number, 0 or more, or"),
        ("contrast", (1.2, 0.8), "contrast=.*with 0 <= low <= high"),
        ("saturation", (-0.2, 0.8), "saturation"),
        ("saturation", float("nan"), "saturation"),
    ],
)
def test_mistakes_are_named(option: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=f"BatchAugment .*{message}"):
        BatchAugment(**{option: value})

import cv2
import numpy as np
import pytest
import torch
from torchvision.transforms import functional

from geoloc.models.augments.geometry import (
    crop_matrices,
    flip_matrices,
    rotation_matrices,
    sample,
    steps,
)

EXACT = {"rtol": 0, "atol": 2e-3}  # grey values; positions are float32
TURNS = [0.0, 90.0, 180.0, -90.0]


def images(n: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 3, height, width), generator=generator).float()


def smooth(n: int, height: int, width: int) -> torch.Tensor:
    """Return images without noise, on which positions that are rounded differ little."""
    coarse = images(n, 4, 5)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 255)


@pytest.mark.parametrize("width", [1, 2, 31, 64])
def test_flips_are_exact(width: int) -> None:
    pictures = images(3, 20, width)
    flipped = torch.tensor([True, False, True])
    found = sample(pictures, flip_matrices(flipped, width), (20, width))
    expected = torch.stack([pictures[0].flip(-1), pictures[1], pictures[2].flip(-1)])
    torch.testing.assert_close(found, expected, **EXACT)


@pytest.mark.parametrize("side", [1, 9, 64])
def test_quarter_turns_are_exact(side: int) -> None:
    pictures = images(len(TURNS), side, side)
    angles = torch.tensor(TURNS, dtype=torch.float64)
    found = sample(pictures, rotation_matrices(angles, (side, side)), (side, side))
    expected = [torch.rot90(one, k, (1, 2)) for one, k in zip(pictures, (0, 1, 2, -1), strict=True)]
    torch.testing.assert_close(found, torch.stack(expected), **EXACT)


@pytest.mark.parametrize("size", [(40, 40), (30, 50)])
def test_other_angles_and_their_corners_are_those_of_opencv(size: tuple[int, int]) -> None:
    height, width = size
    angles = np.array([7.0, -33.3, 45.0, 101.0, 179.0])
    pictures = smooth(len(angles), *size)
    found = sample(pictures, rotation_matrices(torch.from_numpy(angles), size), size)
    for angle, picture, turned in zip(angles, pictures, found, strict=True):
        rotation = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
        expected = cv2.warpAffine(
            picture.permute(1, 2, 0).numpy(),
            rotation,
            (width, height),
            borderMode=cv2.BORDER_REFLECT_101,
        )
        difference = np.abs(turned.permute(1, 2, 0).numpy() - expected)
        assert difference.max() < 2.0  # OpenCV rounds positions to 1/32 px
        assert difference.mean() < 0.2


CROPS = [[0, 0, 40, 50], [3, 5, 20, 30], [10, 0, 30, 12], [39, 49, 1, 1]]


@pytest.mark.parametrize("size", [(24, 24), (40, 50), (64, 90)])
def test_crops_are_those_of_torchvision(size: tuple[int, int]) -> None:
    pictures = images(len(CROPS), 40, 50)
    crops = torch.tensor(CROPS, dtype=torch.float64)
    found = sample(pictures, crop_matrices(crops, size), size)
    for one, (top, left, height, width), picture in zip(found, CROPS, pictures, strict=True):
        bilinear = functional.InterpolationMode.BILINEAR
        expected = functional.resized_crop(
            picture, top, left, height, width, list(size), bilinear, antialias=False
        )
        # within half a pixel of the border torchvision repeats it, as if nothing were beyond
        rows, columns = (
            slice(rim, len_ - rim)
            for rim, len_ in (
                (int(np.ceil(max(0, out / side - 1) / 2)), out)
                for side, out in ((height, size[0]), (width, size[1]))
            )
        )
        inside = (slice(None), rows, columns)
        torch.testing.assert_close(one[inside], expected[inside], rtol=0, atol=0.01)


def test_what_is_done_first_stands_first_in_the_product() -> None:
    picture = smooth(1, 40, 40)
    rotation = rotation_matrices(torch.tensor([90.0], dtype=torch.float64), (40, 40))
    crop = crop_matrices(torch.tensor([[4.0, 8.0, 20.0, 30.0]], dtype=torch.float64), (20, 30))
    flip = flip_matrices(torch.tensor([True]), 30)
    found = sample(picture, rotation @ crop @ flip, (20, 30))
    expected = torch.rot90(picture, 1, (2, 3))[:, :, 4:24, 8:38].flip(-1)
    torch.testing.assert_close(found, expected, **EXACT)


def test_beyond_the_image_the_centre_of_its_last_pixel_is_the_mirror() -> None:
    row = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4)
    shift = torch.eye(3, dtype=torch.float64)[None].clone()
    shift[0, 0, 2] = -2
    expected = torch.tensor([3.0, 2, 1, 2, 3, 4, 3, 2])
    torch.testing.assert_close(sample(row, shift, (1, 8)).flatten(), expected)


def test_steps_are_distances_between_neighbours() -> None:
    crop = crop_matrices(torch.tensor([[0.0, 0.0, 30.0, 80.0]], dtype=torch.float64), (10, 20))
    turned = rotation_matrices(torch.tensor([30.0], dtype=torch.float64), (40, 90)) @ crop
    for matrices in (crop, turned):
        torch.testing.assert_close(steps(matrices), torch.tensor([[4.0, 3.0]]).double())


def test_reduced_precision_moves_nothing() -> None:
    pictures = smooth(2, 64, 64)
    angles = torch.tensor([10.0, 20.0], dtype=torch.float64)
    expected = sample(pictures, rotation_matrices(angles, (64, 64)), (64, 64))
    with torch.autocast("cpu", torch.bfloat16):
        matrices = rotation_matrices(angles, (64, 64)) @ flip_matrices(
            torch.tensor([False] * 2), 64
        )
        found = sample(pictures, matrices, (64, 64))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)

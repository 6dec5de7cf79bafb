import numpy as np
import pytest

from geoloc.datasets.polar_transform import PolarTransform, polar_grid, polar_transform
from geoloc.errors import ConfigError, ImageError
from geoloc.registry import TRANSFORMS


def test_it_equals_the_official_code(golden) -> None:
    vectors = golden("cv_safa_polar")
    size = int(vectors["S"]), int(vectors["height"]), int(vectors["width"])
    grid = polar_grid(*size)
    np.testing.assert_allclose(grid.row, vectors["row_coord"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(grid.column, vectors["col_coord"], rtol=0, atol=1e-9)
    polar = polar_transform(vectors["image"], *size[1:])
    np.testing.assert_allclose(polar, vectors["polar_float"], rtol=0, atol=1e-6)


def by_hand(tile: np.ndarray, height: int, width: int) -> np.ndarray:
    """Sample pixel by pixel; what lies outside the tile is black."""
    side = len(tile)
    result = np.zeros((height, width, tile.shape[2]))
    for i in range(height):
        for j in range(width):
            radius = side / 2 * (height - 1 - i) / height
            row = side / 2 + radius * np.cos(2 * np.pi * j / width)
            column = side / 2 - radius * np.sin(2 * np.pi * j / width)
            for r in (int(row // 1), int(row // 1) + 1):
                for c in (int(column // 1), int(column // 1) + 1):
                    if 0 <= r < side and 0 <= c < side:
                        share = (1 - abs(row - r)) * (1 - abs(column - c))
                        result[i, j] += share * tile[r, c]
    return result


@pytest.mark.parametrize("size", [(6, 3, 5), (7, 4, 8), (1, 2, 2), (10, 40, 9)])
def test_it_equals_a_loop_over_pixels(size) -> None:
    tile = np.random.default_rng(0).integers(0, 256, (size[0], size[0], 3), dtype=np.uint8)
    expected = by_hand(tile, *size[1:])
    np.testing.assert_allclose(polar_transform(tile, *size[1:]), expected, atol=1e-9)


def test_the_directions_are_those_of_a_panorama() -> None:
    tile = np.zeros((101, 101, 3), dtype=np.uint8)
    for (row, column), colour in {
        (20, 50): 50,
        (50, 80): 100,
        (80, 50): 150,
        (50, 20): 200,
    }.items():
        tile[row - 8 : row + 8, column - 8 : column + 8] = colour  # north, east, south, west
    transform = TRANSFORMS.build({"type": "PolarTransform", "scale": (50, 80)})
    polar = transform({"img": tile})["img"]
    assert polar.dtype == np.uint8
    assert polar.shape == (50, 80, 3)
    ring = polar[20, :, 0]  # about 30 pixels from the centre
    assert [ring[40], ring[60], ring[0], ring[20]] == [50, 100, 150, 200]
    assert (polar[-1] == tile[50, 50]).all()


def test_a_tile_that_is_not_square_is_refused() -> None:
    with pytest.raises(ImageError, match=r"square satellite tile \[S, S, C\], got \[4, 5, 3\]"):
        PolarTransform((2, 2))({"img": np.zeros((4, 5, 3), dtype=np.uint8)})
    with pytest.raises(ConfigError, match=r"scale=\(0, 4\)"):
        PolarTransform((0, 4))

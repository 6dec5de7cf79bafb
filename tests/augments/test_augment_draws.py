"""Crops are drawn by the law of mmpretrain, which is drawn here by its own code."""

import numpy as np
import pytest
import torch
from mmpretrain.datasets.transforms import RandomResizedCrop

from geoloc.models.augments.draws import draw_crops, uniform

COUNT = 4000
CASES = [
    ((256, 256), (0.16, 1.0), (0.75, 1.33)),
    ((256, 256), (0.9, 1.0), (0.5, 2.0)),  # most attempts do not fit
    ((120, 300), (0.08, 1.0), (0.75, 1.33)),
    ((200, 100), (0.5, 1.0), (0.9, 1.1)),  # none fits: the largest at the centre
    ((100, 300), (0.9, 1.0), (0.75, 1.25)),
    ((60, 40), (0.0002, 0.002), (0.2, 5.0)),  # sides that are rounded to 0 are drawn again
]


def reference(size: tuple[int, int], ratios: tuple[float, float], shapes: tuple[float, float]):
    crop = RandomResizedCrop(8, crop_ratio_range=ratios, aspect_ratio_range=shapes)
    image = np.zeros((*size, 3), np.uint8)
    np.random.seed(0)  # noqa: NPY002
    return np.array([crop.rand_crop_params(image) for _ in range(COUNT)], dtype=float)


def features(crops: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return numbers in whose distributions two laws of crops would differ."""
    top, left, rows, columns = crops.T
    return top, left, rows, columns, rows * columns, columns / rows, top + rows, left - top


@pytest.mark.parametrize("case", CASES)
def test_crops_have_the_law_of_mmpretrain(case) -> None:
    torch.manual_seed(0)
    found = draw_crops(COUNT, *case).numpy()
    expected = reference(*case)
    (height, width), (least, most), (narrowest, widest) = case
    top, left, rows, columns = found.T
    np.testing.assert_array_equal(found, found.round())
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (rows >= 1).all()
    assert (columns >= 1).all()
    assert (top + rows <= height).all()
    assert (left + columns <= width).all()
    if len(np.unique(expected, axis=0)) == 1:
        np.testing.assert_array_equal(found, expected)
        return
    tried = ~((top == (height - rows) // 2) & (left == (width - columns) // 2))
    slack = 0.5 * (rows + columns + 0.5)[tried]  # sides are whole numbers
    area = (rows * columns)[tried]
    assert (area >= least * height * width - slack).all()
    assert (area <= most * height * width + slack).all()
    assert ((columns + 0.5)[tried] >= narrowest * (rows - 0.5)[tried]).all()
    assert ((columns - 0.5)[tried] <= widest * (rows + 0.5)[tried]).all()
    for one, other in zip(features(found), features(expected), strict=True):
        values = np.unique(np.concatenate([one, other]))
        share = [np.searchsorted(np.sort(x), values, side="right") / COUNT for x in (one, other)]
        # Kolmogorov-Smirnov: equal laws differ more once in 10^5 times
        assert np.abs(share[0] - share[1]).max() < 2.47 * np.sqrt(2 / COUNT)


def test_the_number_of_numbers_drawn_does_not_depend_on_them() -> None:
    states = []
    for case in CASES:
        torch.manual_seed(1)
        draw_crops(5, *case)
        states.append(torch.get_rng_state())
    assert all(torch.equal(state, states[0]) for state in states)


def test_numbers_are_uniform_over_their_range() -> None:
    torch.manual_seed(0)
    values = uniform((100_000,), -3.0, 5.0)
    assert values.dtype == torch.float64
    assert values.min() >= -3.0
    assert values.max() < 5.0
    assert abs(values.mean() - 1.0) < 0.05
    assert torch.equal(uniform((3,), 2.0, 2.0), torch.full((3,), 2.0).double())

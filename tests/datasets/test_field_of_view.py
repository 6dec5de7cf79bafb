import numpy as np
import pytest
import torch
from PIL import Image

from geoloc.datasets import FieldOfView, ImageDataset
from geoloc.datasets.field_of_view import field_of_view, seen_columns
from geoloc.datasets.index import Index
from geoloc.datasets.item_randomness import item_randomness
from geoloc.datasets.source import Source
from geoloc.errors import ConfigError
from geoloc.models.azimuth_similarity import AzimuthSimilarity, heading_deg

PANORAMA = np.random.default_rng(0).integers(0, 256, (4, 64, 3), dtype=np.uint8)
PIPELINE = [
    {"type": "LoadImage"},
    {"type": "FieldOfView", "degrees": 90},
    {"type": "mmpretrain.PackInputs"},
]


def test_columns_are_those_of_the_paper() -> None:
    assert [seen_columns(512, degrees) for degrees in (360, 180, 90, 70)] == [512, 256, 128, 99]
    assert seen_columns(10, 1) == 1


def test_the_right_edge_meets_the_left() -> None:
    seen = field_of_view(PANORAMA, 60, 16)
    assert seen.shape == (4, 16, 3)
    for column in range(16):
        np.testing.assert_array_equal(seen[:, column], PANORAMA[:, (60 + column) % 64])
    np.testing.assert_array_equal(field_of_view(PANORAMA, 5, 64), np.roll(PANORAMA, -5, axis=1))


def test_every_direction_is_drawn_from_the_stream_of_the_item() -> None:
    transform = FieldOfView(degrees=180)
    firsts = []
    for epoch in range(300):
        with item_randomness(0, epoch, 7):
            found = transform({"img": PANORAMA})
        expected = field_of_view(PANORAMA, found["first_column"], 32)
        np.testing.assert_array_equal(found["img"], expected)
        assert found["img_shape"] == (4, 32)
        firsts.append(found["first_column"])
    assert set(firsts) == set(range(64))
    with item_randomness(0, 5, 7):
        assert transform({"img": PANORAMA})["first_column"] == firsts[5]


class Panoramas(Source):
    """Some copies of one panorama."""

    def __init__(self, root) -> None:
        names = [f"{k}.png" for k in range(6)]
        for name in names:
            Image.fromarray(PANORAMA).save(root / name)
        nowhere = np.full(6, np.nan)
        index = Index(
            np.array(names),
            np.full(6, "street"),
            np.arange(6),
            nowhere,
            nowhere,
            np.full(6, "test"),
            root,
        )
        super().__init__("Panoramas", index, ())


def test_in_the_evaluation_the_direction_belongs_to_the_image(tmp_path) -> None:
    once, again = (
        ImageDataset(Panoramas(tmp_path), pipelines={"street": PIPELINE}) for _ in range(2)
    )
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    images = [once[item]["inputs"]["street"] for item in range(6)]
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert images[0].shape == (3, 4, 16)
    for item in reversed(range(6)):
        assert torch.equal(again[item]["inputs"]["street"], images[item])
    assert any(not torch.equal(images[0], other) for other in images[1:])


@pytest.mark.parametrize("degrees", [360, 180, 90, 70])
def test_the_similarity_recovers_the_orientation(degrees) -> None:
    """Images stand for maps: a loop over all shifts finds the same, and it is where it was cut."""
    tiles = np.random.default_rng(1).normal(size=(5, 4, 64, 3))
    width = seen_columns(64, degrees)
    similarity = AzimuthSimilarity((3, 4, 64), ground_columns=width)
    starts = [0, 9, 33, 50, 63]
    seen = [field_of_view(tile, start, width) for tile, start in zip(tiles, starts, strict=True)]
    ground, satellite = torch.zeros(5, 3, 4, 64).double(), torch.from_numpy(tiles)
    ground[..., :width] = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2)
    descriptors = ground.flatten(1), satellite.permute(0, 3, 1, 2).flatten(1)
    found = similarity.azimuth(*descriptors)
    assert found.column.diagonal().tolist() == starts
    for n in range(5):
        for m in range(5):
            products = [(seen[n] * field_of_view(tiles[m], o, width)).sum() for o in range(64)]
            best = int(np.argmax(products))
            lengths = [
                np.linalg.norm(part) for part in (seen[n], field_of_view(tiles[m], best, width))
            ]
            assert found.column[n, m] == best
            value = products[best] / np.prod(lengths)
            assert found.similarity[n, m].item() == pytest.approx(value, abs=1e-9)
    back = similarity.azimuth(*reversed(descriptors))
    torch.testing.assert_close(back.similarity.T, found.similarity)
    if width < 64:  # else nothing tells the ground from the tile
        assert torch.equal(back.column.T, found.column)
    middles = [(360 * (start + width / 2) / 64 + 180) % 360 for start in starts]
    assert heading_deg(found.column, width, 64).diagonal().tolist() == middles


def test_headings_are_clockwise_from_north() -> None:
    columns = torch.tensor([[24, 40, 56, 8]])  # of a map of 64, seen by 16
    assert heading_deg(columns, 16, 64).tolist() == [[0.0, 90.0, 180.0, 270.0]]


def test_mistakes_are_named() -> None:
    for degrees in (0, 361):
        with pytest.raises(ConfigError, match=f"degrees={degrees} must be above 0"):
            FieldOfView(degrees)
    with pytest.raises(ConfigError, match=r"ground_columns=9 must be 1 \.\. 8"):
        AzimuthSimilarity((2, 3, 8), ground_columns=9)
    full = torch.ones(2, 48)
    with pytest.raises(ValueError, match="set circle=8 in the AzimuthMap of the ground"):
        AzimuthSimilarity((2, 3, 8), ground_columns=4)(full, full)

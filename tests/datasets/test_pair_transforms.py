import numpy as np
import pytest
import torch

from geoloc.campusworld.street_world import StreetSpec, write_streetworld
from geoloc.datasets import PairDataset, StreetWorld
from geoloc.datasets.pair_transforms import PairFlip, PairRotation
from geoloc.datasets.polar_transform import polar_transform
from geoloc.errors import ConfigError

SIDE, HEIGHT, WIDTH = 65, 8, 64  # an odd side has its centre on a pixel


@pytest.fixture
def aligned() -> dict[str, torch.Tensor]:
    """Return a smooth tile and the panorama that its centre sees."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    tile = np.stack([rows, columns, rows * columns], axis=2) * 200 + 20
    return as_pair(tile)


def as_pair(tile: np.ndarray) -> dict[str, torch.Tensor]:
    pair = {"street": polar_transform(tile, HEIGHT, WIDTH), "satellite": tile}
    return {view: torch.from_numpy(image.transpose(2, 0, 1).copy()) for view, image in pair.items()}


def assert_still_aligned(pair: dict[str, torch.Tensor]) -> None:
    tile = pair["satellite"].numpy().transpose(1, 2, 0)
    seen = as_pair(tile)["street"]
    # The polar grid's centre is half a pixel from the tile's, which turns with the tile.
    assert (seen - pair["street"]).abs().max() < 8
    assert (seen.roll(WIDTH // 4, 2) - pair["street"]).abs().max() > 40


def test_a_turned_pair_stays_aligned(aligned) -> None:
    np.random.seed(0)  # noqa: NPY002
    turns = set()
    for _ in range(20):
        pair = PairRotation(prob=1.0)(dict(aligned))
        assert_still_aligned(pair)
        (turn,) = [
            k
            for k in range(4)
            if torch.equal(pair["satellite"], aligned["satellite"].rot90(k, (1, 2)))
        ]
        turns.add(turn)
    assert turns == {1, 2, 3}


def test_a_mirrored_pair_stays_aligned(aligned) -> None:
    pair = PairFlip(prob=1.0)(dict(aligned))
    torch.testing.assert_close(pair["satellite"], aligned["satellite"].flip(2))
    seen = as_pair(pair["satellite"].numpy().transpose(1, 2, 0))["street"]
    # column j of the polar grid looks by angle 2 pi j / w, so that its mirror is w - j
    assert (seen.roll(-1, 2) - pair["street"]).abs().max() < 8


def test_probabilities_decide(aligned) -> None:
    np.random.seed(0)  # noqa: NPY002
    for transform in (PairFlip(prob=0.0), PairRotation(prob=0.0)):
        for view, image in transform(dict(aligned)).items():
            assert torch.equal(image, aligned[view])
    flipped = [
        not torch.equal(PairFlip()(dict(aligned))["street"], aligned["street"]) for _ in range(200)
    ]
    assert 70 < sum(flipped) < 130


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PairFlip(prob=1.5), r"PairFlip: prob=1.5 must be in 0 \.\. 1"),
        (lambda: PairRotation()({"drone": torch.zeros(3, 4, 4)}), "the view satellite, street"),
        (
            lambda: PairRotation()(
                {"street": torch.zeros(3, 4, 8), "satellite": torch.zeros(3, 4, 8)}
            ),
            "square tiles",
        ),
    ],
)
def test_what_does_not_fit_is_refused(build, message) -> None:
    with pytest.raises(ConfigError, match=message):
        build()


def test_the_dataset_applies_them_as_a_function_of_the_item(tmp_path) -> None:
    spec = {
        "train_places": 2,
        "val_places": 2,
        "places_per_campus": 2,
        "panorama": (16, 64),
        "tile_px": 16,
    }
    write_streetworld(tmp_path / "world", StreetSpec(**spec), workers=1)
    pipeline = [{"type": "LoadImage"}, {"type": "mmpretrain.PackInputs"}]
    options = {
        "views": ("street", "satellite"),
        "pipelines": dict.fromkeys(("street", "satellite"), pipeline),
    }
    plain, turned = (
        PairDataset(StreetWorld(tmp_path / "world", **spec), pair_transforms=transforms, **options)
        for transforms in ((), [{"type": "PairFlip", "prob": 1.0}])
    )
    for item in range(2):
        for view in options["views"]:
            image = turned[item]["inputs"][view]
            assert torch.equal(image, plain[item]["inputs"][view].flip(2))
    drawn = PairDataset(
        StreetWorld(tmp_path / "world", **spec),
        pair_transforms=[{"type": "PairRotation"}],
        **options,
    )
    first = drawn[0]["inputs"]["satellite"]
    assert torch.equal(first, drawn[0]["inputs"]["satellite"])
    others = []
    for epoch in range(1, 8):
        drawn.set_epoch(epoch)
        others.append(torch.equal(first, drawn[0]["inputs"]["satellite"]))
    assert not all(others)

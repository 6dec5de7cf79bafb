"""Training pairs that are neither positive nor negative, from the data to the loss."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from geopy.distance import geodesic

from geoloc.datasets import VIGOR, Index, PairDataset
from geoloc.datasets.excluded_pairs import ExcludingLevels, excluding_levels
from geoloc.datasets.place_levels import Images, LabelTreeLevels
from geoloc.errors import ConfigError
from geoloc.geo.utm import utm_to_degrees
from geoloc.models import CrossViewRetriever
from geoloc.models.loss_levels import check_levels
from geoloc.models.losses import InfoNCELoss, SoftMarginTripletLoss, TripletLoss
from geoloc.models.miners import XBM, CrossBatchMemory, GlobalBatch
from geoloc.models.miners.hardest_negative import HardestNegatives
from geoloc.registry import LOSSES
from tests.datasets.conftest import write_vigor

VIEWS = ("street", "satellite")
PIPELINES = {view: [{"type": "LoadImage"}, {"type": "mmpretrain.PackInputs"}] for view in VIEWS}


def positioned(latlon, **columns) -> Index:
    """Return a panorama and a tile of every position."""
    n = len(latlon)
    return Index(
        np.arange(2 * n).astype(str),
        np.repeat(VIEWS, n),
        np.tile(np.arange(n), 2),
        *np.tile(latlon, (2, 1)).T,
        np.full(2 * n, "train"),
        "",
        **columns,
    )


def test_safa_on_cvact_by_the_option(golden) -> None:
    """Positions in, the official loss out."""
    vectors = golden("cv_softmargin_safa_cvact")
    utm = vectors["utm"] - vectors["utm"].mean(axis=0) + np.array([690_000.0, 6_090_000.0])
    levels = excluding_levels(positioned(utm_to_degrees(utm, 55, True)), 25.0, False)
    labels = torch.arange(len(utm))
    table = levels.of_images(Images(labels), Images(labels))
    assert torch.equal(table == 0, torch.from_numpy(vectors["dist_sq"][..., 0] >= 625))
    assert torch.equal(table == 2, torch.eye(len(utm), dtype=torch.bool))
    loss = SoftMarginTripletLoss(include_diagonal=True, positive_level=2, negative_level=0)
    check_levels("model.losses.soft_margin", loss, levels)
    sat, grd = (torch.from_numpy(vectors[view]).double() for view in ("sat", "grd"))
    value = loss.both_directions(sat, grd, table)
    assert value.item() == pytest.approx(float(vectors["loss"]), rel=1e-5)


def test_places_at_one_position_stay_different() -> None:
    at = np.array([[30.0, 114.0], [30.0, 114.0], [30.0002, 114.0], [30.001, 114.0]])
    assert geodesic(at[0], at[2]).m < 25 < geodesic(at[2], at[3]).m
    levels = excluding_levels(positioned(at), 25.0, False)
    labels = torch.arange(4)
    assert (len(levels), levels.highest) == (4, 2)
    assert levels(labels, labels).tolist() == [
        [2, 1, 1, 0],
        [1, 2, 1, 0],
        [1, 1, 2, 0],
        [0, 0, 0, 2],
    ]


@pytest.fixture
def pairs(tmp_path) -> PairDataset:
    source = VIGOR(write_vigor(tmp_path / "VIGOR"), "cross", counts=None)
    return PairDataset(source, views=VIEWS, pipelines=PIPELINES, exclude_semi_positives=True)


def test_semi_positives_of_either_image(pairs) -> None:
    """Against a loop over the relation, for samples and for single images."""
    index, levels = pairs.index, pairs.levels()
    rng = np.random.default_rng(0)
    items = [pairs[int(item)] for item in rng.permutation(len(pairs))]
    rows = torch.tensor([[item["rows"][view] for view in VIEWS] for item in items])
    places = torch.tensor([item["places"]["street"] for item in items])

    def expected(a, b) -> int:
        if index.place[a[0]] == index.place[b[0]]:
            return 2
        also = any(index.place[b[0]] in index.also_shows[row] for row in a)
        return int(also or any(index.place[a[0]] in index.also_shows[row] for row in b))

    whole = levels.of_images(Images(places, rows), Images(places, rows))
    assert whole.dtype == torch.int8
    assert whole.tolist() == [[expected(a, b) for b in rows.tolist()] for a in rows.tolist()]
    street, tile = rows.T[:, :, None].tolist()
    crossed = levels.of_images(Images(places, rows[:, 0]), Images(places, rows[:, 1]))
    assert crossed.tolist() == [[expected(a, b) for b in tile] for a in street]
    assert (crossed == 1).any()
    assert not torch.equal(crossed, crossed.T)  # the relation is the panorama's
    with pytest.raises(RuntimeError, match="semi-positives belong to images"):
        levels.of_images(Images(places), Images(places))


def test_the_hardest_negative_is_no_semi_positive() -> None:
    """Tile 1 is the nearest, but panorama 0 also shows it; panorama 1 does not show tile 0."""
    also = np.full((6, 1), -1)
    also[0] = 1
    levels = excluding_levels(positioned(np.full((3, 2), np.nan), also_shows=also), None, True)
    tiles = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.9, 0.1, 0.0]])
    memory = CrossBatchMemory(VIEWS, 9)
    remembered = dict.fromkeys(VIEWS, F.normalize(tiles))
    memory.enqueue(
        {"street": torch.tensor([7, 8, 9]) - 7, "satellite": torch.tensor([3, 4, 5])},
        torch.arange(3),
        remembered,
    )
    anchors = torch.tensor([[1.0, 0.0, 0.0]])
    batch = GlobalBatch(
        dict.fromkeys(VIEWS, anchors),
        torch.tensor([0]),
        {"street": torch.tensor([0]), "satellite": torch.tensor([3])},
        levels,
    )
    search = HardestNegatives(1, None)
    assert memory["satellite"].labels[search(batch, memory, VIEWS).positions].tolist() == [2]
    plain = batch._replace(levels=LabelTreeLevels(torch.arange(3)[:, None]))
    assert memory["satellite"].labels[search(plain, memory, VIEWS).positions].tolist() == [1]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_infonce_leaves_excluded_pairs_out(smoothing) -> None:
    generator = torch.Generator().manual_seed(0)
    similarity = torch.rand(3, 5, generator=generator, dtype=torch.float64)
    levels = torch.tensor([[2, 0, 1, 0, 0], [0, 2, 0, 0, 1], [1, 1, 2, 0, 0]])
    loss = InfoNCELoss(5.0, positive_level=2, negative_level=0, label_smoothing=smoothing)
    terms = []
    for row, level in zip(similarity, levels, strict=True):
        logits = 5.0 * torch.cat([row[level == 2], row[level == 0]])[None]
        target = torch.zeros(1, dtype=torch.int64)
        terms.append(F.cross_entropy(logits, target, label_smoothing=smoothing))
    assert loss.loss(similarity, levels).item() == pytest.approx(torch.stack(terms).mean().item())
    with pytest.raises(ConfigError, match="negative_level=3 must be below positive_level=3"):
        InfoNCELoss(negative_level=3)


def test_a_training_step_moves_no_excluded_pair(pairs) -> None:
    """From the rows of a batch to the loss of the model."""
    model = CrossViewRetriever(
        backbone={"type": "mmpretrain.ResNet", "depth": 18},
        neck={"type": "mmpretrain.GlobalAveragePooling"},
        head={"type": "NormalizeHead"},
        losses={
            "soft": {"type": "SoftMarginTripletLoss", "positive_level": 2, "negative_level": 0}
        },
        views=VIEWS,
    )
    levels = pairs.levels()
    model.set_place_levels(levels)
    rows = torch.tensor([[pairs[item]["rows"][view] for view in VIEWS] for item in range(8)])
    places = torch.from_numpy(pairs.index.place_labels[rows[:, 0].numpy()])
    table = levels.of_images(Images(places, rows), Images(places, rows))
    model.miner = XBM(VIEWS, {"type": "CosineContrastiveLoss", "positive_level": 2})
    with pytest.raises(ConfigError, match=r"model.miner.loss: the training data excludes pairs"):
        model.set_place_levels(levels)
    model.miner = None
    for wanted in (0, 1):
        two = (table == wanted).nonzero()[0]
        embeddings = {view: torch.eye(2) for view in VIEWS}
        batch = dict(zip(VIEWS, rows[two].T, strict=True))
        losses = model.loss(embeddings, dict.fromkeys(VIEWS, places[two]), batch)
        assert (losses["loss_soft"].item() > 0) is (wanted == 0)


def test_what_cannot_be_excluded_is_named(pairs) -> None:
    nowhere = positioned(np.full((2, 2), np.nan))
    with pytest.raises(ConfigError, match="exclusion_radius_m=25 needs positions"):
        excluding_levels(nowhere, 25.0, False)
    with pytest.raises(ConfigError, match="exclude_semi_positives=True needs semi-positives"):
        excluding_levels(nowhere, None, True)
    source = VIGOR(pairs.index.root, "cross", counts=None)
    source.thresholds_m = (5.0,)
    with pytest.raises(ConfigError, match=r"thresholds_m=\(5.0,\) grades places"):
        PairDataset(source, views=VIEWS, pipelines=PIPELINES, exclusion_radius_m=25.0)


@pytest.mark.parametrize(
    ("loss", "levels", "message"),
    [
        ("InfoNCELoss", LabelTreeLevels(torch.arange(3)[:, None]), "set positive_level=1"),
        ("InfoNCELoss", ExcludingLevels(3), "set positive_level=2$"),
    ],
)
def test_a_loss_without_positives_is_named(loss, levels, message) -> None:
    with pytest.raises(ConfigError, match=f"losses.a.positive_level=3, but .*{message}"):
        check_levels("model.losses.a", LOSSES.build({"type": loss}), levels)


def test_a_loss_that_ignores_the_exclusion_is_named() -> None:
    levels = ExcludingLevels(3)
    message = "excludes pairs, at level 1, from the negatives; "
    for loss, how in (
        (InfoNCELoss(positive_level=2), "set positive_level=2, negative_level=0"),
        (TripletLoss(positive_level=2), "TripletLoss cannot leave them out"),
    ):
        with pytest.raises(ConfigError, match=message + how):
            check_levels("model.losses.a", loss, levels)
    check_levels("a", InfoNCELoss(positive_level=2, negative_level=0), levels)
    check_levels("a", TripletLoss(positive_level=1), LabelTreeLevels(torch.zeros(3, 1)))

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import DistanceLevels
from geoloc.errors import ConfigError
from geoloc.evaluation import UniversityRetrieval, pairwise_distance
from geoloc.models.azimuth_similarity import AzimuthSimilarity, azimuth_similarity
from geoloc.models.losses import InfoNCELoss, SoftMarginTripletLoss
from geoloc.registry import MODELS, SIMILARITIES

SIMILARITY = {"type": "AzimuthSimilarity", "map_size": (2, 3, 8)}


def maps(vectors) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.from_numpy(vectors[name]).permute(0, 3, 1, 2) for name in ("grd", "sat"))


def test_it_equals_the_official_code(golden) -> None:
    vectors = golden("cv_dsm_corr")
    found = azimuth_similarity(*maps(vectors))
    assert torch.equal(found.column.T, torch.from_numpy(vectors["pred_orien"]).long())
    distance = torch.from_numpy(vectors["distance"])
    torch.testing.assert_close(2 - 2 * found.similarity, distance, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("width", [1, 3, 8])
def test_it_equals_a_loop_over_rotations(width) -> None:
    torch.manual_seed(0)
    ground, satellite = torch.randn(3, 2, 4, width).double(), torch.randn(5, 2, 4, 8).double()
    found = azimuth_similarity(ground, satellite)
    for n in range(3):
        for m in range(5):
            crops = [satellite[m].roll(-o, dims=2)[..., :width] for o in range(8)]
            products = torch.stack([(ground[n] * crop).sum() for crop in crops])
            assert found.column[n, m] == products.argmax()
            crop = crops[int(products.argmax())]
            cosine = (ground[n] * crop).sum() / (ground[n].norm() * crop.norm())
            torch.testing.assert_close(found.similarity[n, m], cosine)


def test_a_rotated_map_is_found_and_its_gradient_is_right() -> None:
    torch.manual_seed(0)
    satellite = torch.randn(2, 2, 3, 8).double()
    ground = satellite.roll(-5, dims=3)[..., :4]
    found = azimuth_similarity(ground, satellite)
    assert found.column.diagonal().tolist() == [5, 5]
    torch.testing.assert_close(found.similarity.diagonal(), torch.ones(2).double())
    inputs = [torch.randn(2, 2, 3, 4).double(), satellite]
    for value in inputs:
        value.requires_grad_()
    assert torch.autograd.gradcheck(lambda g, s: azimuth_similarity(g, s).similarity, inputs)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"w <= W, got \[1, 2, 3, 9\]"):
        azimuth_similarity(torch.zeros(1, 2, 3, 9), torch.zeros(1, 2, 3, 8))


def test_descriptors_are_compared_as_maps() -> None:
    torch.manual_seed(0)
    ground, satellite = torch.randn(3, 2, 3, 8), torch.randn(5, 2, 3, 8)
    similarity = SIMILARITIES.build(dict(SIMILARITY))
    found = similarity(ground.flatten(1), satellite.flatten(1))
    torch.testing.assert_close(found, azimuth_similarity(ground, satellite).similarity)
    # so that tasks may run in both directions
    torch.testing.assert_close(similarity(satellite.flatten(1), ground.flatten(1)).T, found)
    with pytest.raises(ValueError, match="has 48 values, but descriptors have 40"):
        similarity(torch.zeros(1, 40), torch.zeros(1, 40))
    with pytest.raises(ConfigError, match=r"map_size=\(2, 0, 8\) must be"):
        AzimuthSimilarity((2, 0, 8))


def retriever(**options):
    torch.manual_seed(0)
    parts = {
        "backbone": {"type": torch.nn.Identity},
        "neck": {"type": torch.nn.Flatten},
        "head": {"type": "NormalizeHead"},
        "losses": {"soft_margin": {"type": "SoftMarginTripletLoss", "positive_level": 1}},
    }
    views = ("street", "satellite")
    return MODELS.build({"type": "CrossViewRetriever", "views": views, **parts, **options})


def test_the_loss_of_a_model_compares_by_its_similarity() -> None:
    torch.manual_seed(0)
    maps = {view: torch.randn(4, 2, 3, 8) for view in ("street", "satellite")}
    levels = torch.eye(4, dtype=torch.int8)
    labels = torch.arange(4)
    model, plain = retriever(similarity=SIMILARITY), retriever()
    values = []
    for each in (model, plain):
        each.place_levels = DistanceLevels(levels, 1)
        embeddings = {view: F.normalize(part.flatten(1)) for view, part in maps.items()}
        values.append(each.loss(embeddings, dict.fromkeys(maps, labels))["loss_soft_margin"])
    similarity = azimuth_similarity(*maps.values()).similarity
    distance = 2 - 2 * similarity
    terms = [
        F.softplus(10 * (distance[i, i] - other))
        for i in range(4)
        for j in range(4)
        if i != j
        for other in (distance[i, j], distance[j, i])
    ]
    torch.testing.assert_close(values[0], torch.stack(terms).mean())
    assert not torch.allclose(*values)
    expected = SoftMarginTripletLoss(positive_level=1).both_directions(
        *(part.flatten(1) for part in maps.values()), levels
    )
    torch.testing.assert_close(values[1], expected)


def test_processes_can_share_the_anchors() -> None:
    torch.manual_seed(0)
    query, gallery = (maps.flatten(1).double() for maps in torch.randn(2, 4, 2, 3, 8))
    levels = torch.eye(4, dtype=torch.int8)
    loss = InfoNCELoss(positive_level=1)
    loss.similarity = AzimuthSimilarity((2, 3, 8))
    assert loss.can_share_rows
    shares = [
        loss.of_anchors(query, gallery, levels[own], own) for own in (slice(0, 2), slice(2, 4))
    ]
    torch.testing.assert_close(
        torch.stack(shares).mean(), loss.both_directions(query, gallery, levels)
    )


def test_a_ranking_by_the_similarity_finds_turned_maps(monkeypatch) -> None:
    monkeypatch.setattr(pairwise_distance, "PAIRS", 20)  # two queries at a time
    torch.manual_seed(0)
    satellite = torch.randn(9, 2, 3, 8)
    street = torch.stack([part.roll(turn, dims=2) for turn, part in enumerate(satellite)])
    descriptors = F.normalize(torch.cat([street, satellite]).flatten(1))
    nowhere = np.full(18, np.nan)
    index = Index(
        np.arange(18).astype(str),
        np.repeat(["street", "satellite"], 9),
        np.tile(np.arange(9), 2),
        nowhere,
        nowhere,
        np.full(18, "val"),
        Path(),
    )
    for task in ("street->satellite", "satellite->street"):
        by_azimuth, by_product = (
            UniversityRetrieval([task], similarity=similarity).measure(descriptors, index, ())
            for similarity in (SIMILARITY, None)
        )
        assert by_azimuth[task].metrics["R@1"] == 100
        assert by_product[task].metrics["R@1"] < 60


def test_what_compares_by_cosine_is_refused() -> None:
    with pytest.raises(ConfigError, match="rerank compares by cosine"):
        UniversityRetrieval(similarity=SIMILARITY, rerank={"type": "KReciprocal"})

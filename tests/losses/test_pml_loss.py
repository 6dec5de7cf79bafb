import sys

import numpy as np
import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.losses import PMLLoss, TripletLoss
from geoloc.registry import LOSSES

MEAN = {"type": "MeanReducer"}
LOSS_CONFIGS = {
    "multisimilarity_a2_b50_base0p5": {"type": "MultiSimilarityLoss"},
    "multisimilarity_a2_b40_base0p5": {"type": "MultiSimilarityLoss", "beta": 40},
    "triplet_m0p05_avgnonzero": {"type": "TripletMarginLoss"},
    "triplet_m0p2_mean": {"type": "TripletMarginLoss", "margin": 0.2, "reducer": MEAN},
    "contrastive_p0_n1_mean": {"type": "ContrastiveLoss", "reducer": MEAN},
    "ntxent_t0p07": {"type": "NTXentLoss"},
}
MULTI_SIMILARITY = {"type": "MultiSimilarityLoss"}
MINER = {"type": "MultiSimilarityMiner", "epsilon": 0.1}


@pytest.fixture
def pml():
    return pytest.importorskip("pytorch_metric_learning")


def self_pairs(arrays):
    labels = torch.from_numpy(arrays["labels"])
    levels = 3 * (labels[:, None] == labels).int()
    return torch.from_numpy(arrays["x"]).requires_grad_(), levels


def cross_pairs(arrays):
    labels, ref_labels = (torch.from_numpy(arrays[key]) for key in ("labels", "ref_labels"))
    query, gallery = (torch.from_numpy(arrays[key]).requires_grad_() for key in ("x", "x_ref"))
    return query, gallery, 3 * (labels[:, None] == ref_labels).int()


def random_batch(seed, rows=6, columns=8):
    generator = torch.Generator().manual_seed(seed)
    query, gallery = (
        torch.randn(count, 5, generator=generator, dtype=torch.float64) for count in (rows, columns)
    )
    return query, gallery, torch.randint(0, 4, (rows, columns), generator=generator)


@pytest.mark.parametrize("name", LOSS_CONFIGS)
@pytest.mark.usefixtures("pml")
def test_losses_between_and_within_views_match_their_package(golden, name):
    arrays = golden("hr_pml_losses")
    loss = PMLLoss(LOSS_CONFIGS[name])
    query, gallery, levels = cross_pairs(arrays)
    value = loss(query, gallery, levels)
    value.backward()
    assert value.item() == pytest.approx(float(arrays[f"{name}_cross_loss"]), rel=1e-12)
    np.testing.assert_allclose(query.grad, arrays[f"{name}_cross_grad_x"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(gallery.grad, arrays[f"{name}_cross_grad_xr"], rtol=0, atol=1e-12)
    alone, levels = self_pairs(arrays)
    value = loss.within(alone, levels)
    value.backward()
    assert value.item() == pytest.approx(float(arrays[f"{name}_loss"]), rel=1e-12)
    np.testing.assert_allclose(alone.grad, arrays[f"{name}_grad_x"], rtol=0, atol=1e-12)


@pytest.mark.usefixtures("pml")
def test_mined_pairs_match_their_package(golden):
    arrays = golden("hr_pml_losses")
    loss = PMLLoss(MULTI_SIMILARITY, miner=MINER)
    name = "multisimilarity_a2_b50_base0p5_mined_eps0p1"
    value = loss(*cross_pairs(arrays))
    assert value.item() == pytest.approx(float(arrays[f"{name}_cross_loss"]), rel=1e-12)
    value = loss.within(*self_pairs(arrays))
    assert value.item() == pytest.approx(float(arrays[f"{name}_loss"]), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("sum_multisimilarity", MULTI_SIMILARITY),
        ("sum_triplet_m0p1_avgnonzero", {"type": "TripletMarginLoss", "margin": 0.1}),
        ("sum_triplet_m0p1_mean", {"type": "TripletMarginLoss", "margin": 0.1, "reducer": MEAN}),
    ],
)
@pytest.mark.usefixtures("pml")
def test_sums_over_distance_levels_match_the_golden_values(golden, name, config):
    arrays = golden("hr_multiscale_pair_losses")
    x1, x2 = (torch.from_numpy(arrays[key]).requires_grad_() for key in ("x1", "x2"))
    levels = torch.from_numpy(arrays["target"])
    loss = LOSSES.build({"type": "PMLLoss", "loss": config, "levels": (3, 2, 1)})
    total = (loss(x1, x2, levels) + loss(x2, x1, levels.T)) / 2
    total.backward()
    assert total.item() == pytest.approx(float(arrays[f"{name}_loss"]), rel=1e-10)
    np.testing.assert_allclose(x1.grad, arrays[f"{name}_grad_x1"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(x2.grad, arrays[f"{name}_grad_x2"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("reduction", ["mean", "nonzero"])
@pytest.mark.usefixtures("pml")
def test_triplets_equal_our_own_loss(level, reduction):
    config = {"type": "TripletMarginLoss", "margin": 0.3}
    if reduction == "mean":
        config["reducer"] = MEAN
    ours = TripletLoss(margin=0.3, reduction=reduction, positive_level=level)
    query, gallery, levels = random_batch(seed=1)
    value = PMLLoss(config, levels=[level])(query, gallery, levels)
    assert value.item() == pytest.approx(ours(query, gallery, levels).item(), rel=1e-9)


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("within", [False, True])
def test_levels_without_labels_are_mined_by_anchor(pml, within, level):
    query, gallery, levels = random_batch(seed=2, columns=6)
    levels = torch.maximum(levels, levels.T)  # not transitive
    levels[5] = levels[:, 5] = 0  # a place alone, which by itself would have a label
    levels.fill_diagonal_(3)
    if within:
        gallery = query
    similarity = torch.nn.functional.cosine_similarity(query[:, None], gallery, dim=2)
    pairs = [[], [], [], []]  # the rule of the miner, spelled out
    for i in range(6):
        others = [j for j in range(6) if not (within and i == j)]
        positive = [j for j in others if levels[i, j] >= level]
        negative = [j for j in others if levels[i, j] < level]
        if not positive or not negative:
            continue
        hardest_negative = max(similarity[i, j] for j in negative)
        hardest_positive = min(similarity[i, j] for j in positive)
        for j in positive:
            if similarity[i, j] - 0.1 < hardest_negative:
                pairs[0].append(i)
                pairs[1].append(j)
        for j in negative:
            if similarity[i, j] + 0.1 > hardest_positive:
                pairs[2].append(i)
                pairs[3].append(j)
    indices = tuple(torch.tensor(index) for index in pairs)
    expected = pml.losses.MultiSimilarityLoss()(query, indices_tuple=indices, ref_emb=gallery)
    loss = PMLLoss(MULTI_SIMILARITY, miner=MINER, levels=[level])
    value = loss.within(query, levels) if within else loss(query, gallery, levels)
    assert 0 < len(pairs[3]) < 30
    assert value.item() == pytest.approx(expected.item(), rel=1e-12)


def test_a_triplet_miner_is_handed_labels_where_they_exist(pml):
    query, gallery, _ = random_batch(seed=3)
    labels, ref_labels = torch.arange(6) % 3, torch.arange(8) % 4
    miner = {"type": "TripletMarginMiner", "margin": 1.5, "type_of_triplets": "semihard"}
    loss = PMLLoss({"type": "TripletMarginLoss", "margin": 2, "reducer": MEAN}, miner=miner)
    mine = pml.miners.TripletMarginMiner(margin=1.5, type_of_triplets="semihard")
    between = mine(query, labels, gallery, ref_labels)
    within = mine(query, labels)
    assert min(len(between[0]), len(within[0])) > 0
    assert loss(query, gallery, 3 * (labels[:, None] == ref_labels).int()).item() == pytest.approx(
        loss.tuple_loss(query, indices_tuple=between, ref_emb=gallery).item(), rel=1e-12
    )
    assert loss.within(query, 3 * (labels[:, None] == labels).int()).item() == pytest.approx(
        loss.tuple_loss(query, indices_tuple=within).item(), rel=1e-12
    )


@pytest.mark.parametrize("miner", [None, MINER])
@pytest.mark.parametrize("level", [0, 3])
@pytest.mark.usefixtures("pml")
def test_without_negatives_or_positives_the_loss_is_finite(miner, level):
    query, gallery, levels = random_batch(seed=4)
    query.requires_grad_()
    loss = PMLLoss({"type": "TripletMarginLoss"}, miner=miner, levels=(3, 2, 1))
    value = loss(query, gallery, torch.full_like(levels, level))
    value.backward()
    assert value.item() == 0
    assert (query.grad == 0).all()


@pytest.mark.usefixtures("pml")
def test_autocast_does_not_reduce_the_precision():
    query, gallery, levels = random_batch(seed=5)
    loss = PMLLoss(MULTI_SIMILARITY)
    exact = loss(query.float(), gallery.float(), levels)
    with torch.autocast("cpu", torch.bfloat16):
        inside = loss(query.float(), gallery.float(), levels)
    assert inside.item() == exact.item()
    assert loss(query.bfloat16(), gallery.bfloat16(), levels).dtype == torch.float32


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"loss": {"type": "MultiSimilarLoss"}}, "type='MultiSimilarLoss'.*MultiSimilarityLoss"),
        ({"loss": {"margin": 1}}, "PMLLoss.loss: type=None"),
        ({"loss": {"type": "TripletMarginLoss", "marge": 1}}, "TripletMarginLoss.*marge"),
        (
            {"loss": {"type": "TripletMarginLoss", "reducer": {"type": "MeanReduce"}}},
            "PMLLoss.loss.reducer: type='MeanReduce'.*MeanReducer",
        ),
        ({"loss": {"type": "FastAPLoss"}}, "FastAPLoss cannot compare two views"),
        (
            {"loss": {"type": "ArcFaceLoss", "num_classes": 4, "embedding_size": 8}},
            "ArcFaceLoss cannot compare two views",
        ),
        ({"loss": MULTI_SIMILARITY, "miner": {"type": "HardMiner"}}, "PMLLoss.miner: type='HardM"),
        ({"loss": MULTI_SIMILARITY, "levels": ()}, r"levels=\(\)"),
    ],
)
@pytest.mark.usefixtures("pml")
def test_impossible_settings_are_named(arguments, match):
    with pytest.raises(ConfigError, match=match):
        PMLLoss(**arguments)


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    for module in [name for name in sys.modules if name.startswith("pytorch_metric_learning")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", None)  # as if not installed
    with pytest.raises(ConfigError, match="pip install pytorch-metric-learning"):
        PMLLoss(MULTI_SIMILARITY)

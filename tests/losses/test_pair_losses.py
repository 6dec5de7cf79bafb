"""What every pair loss must do, whatever its formula."""

import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.models.losses import (
    ContrastiveLoss,
    DyCLLoss,
    HAPLoss,
    InfoNCELoss,
    MultiSimilarityLoss,
    PairLoss,
    PMLLoss,
    SoftMarginTripletLoss,
    TripletLoss,
)
from geoloc.models.losses.logsumexp import grouped_logsumexp, masked_logsumexp, softplus
from geoloc.models.named_losses import pair_loss
from geoloc.registry import LOSSES

LOSS_CONFIGS = {
    "dycl": {"type": "DyCLLoss"},
    "dycl_batch": {"type": "DyCLLoss", "normalize": "batch"},
    "dycl_none": {"type": "DyCLLoss", "normalize": "none"},
    "infonce": {"type": "InfoNCELoss"},
    "infonce_learnable": {"type": "InfoNCELoss", "learnable": True},
    "infonce_smooth": {"type": "InfoNCELoss", "label_smoothing": 0.1},
    "infonce_none": {"type": "InfoNCELoss", "normalize": "none"},
    "semivariogram_infonce": {"type": "SemivariogramInfoNCELoss"},
    "triplet": {"type": "TripletLoss"},
    "cosine_contrastive": {"type": "CosineContrastiveLoss"},
    "seh": {"type": "SEHLoss"},
    "her": {"type": "HERLoss"},
    "triplet_nonzero": {"type": "TripletLoss", "reduction": "nonzero", "margin": 0.5},
    "triplet_semihard": {"type": "TripletLoss", "triplets": "semihard", "margin": 0.5},
    "triplet_weighted": {"type": "DistanceWeightedTripletLoss", "embed_dims": 16, "margin": 0.5},
    "soft_margin": {"type": "SoftMarginTripletLoss"},
    "soft_margin_euclidean": {"type": "SoftMarginTripletLoss", "distance": "euclidean"},
    "soft_margin_hardest": {"type": "SoftMarginTripletLoss", "hardest": 2, "negative_level": 1},
    "contrastive": {"type": "ContrastiveLoss", "positive_margin": 0.2},
    "contrastive_cosine": {
        "type": "ContrastiveLoss",
        "distance": "cosine",
        "negative_margin": 0.5,
        "reduction": "anchor",
    },
    "multi_similarity": {"type": "MultiSimilarityLoss"},
    "multi_similarity_mined": {"type": "MultiSimilarityLoss", "epsilon": 0.1},
    "hap": {"type": "HAPLoss"},
    "hap_hrank": {"type": "HAPLoss", "with_hrank": True},
    "sum_triplet": {"type": "MultiScaleLoss", "loss": {"type": "TripletLoss", "margin": 0.5}},
}
# They also compare every pair with a fixed similarity or distance.
ABSOLUTE = {"contrastive", "contrastive_cosine", "cosine_contrastive", "multi_similarity"}
# Exact ties between levels can score above H-AP = 1: their smooth step is 0.5, the sharp one 1.
BELOW_ZERO_AT_TIES = {"hap", "hap_hrank"}
# The gradient of an expected value over draws, whose probabilities are constants, is not the slope
# of the value; test_distance_weighted_triplet_loss.py compares it with the enumerated draws. SEH's
# weights are constants too; test_her_seh_loss.py compares its gradient.
CONSTANT_WEIGHTS = {"seh", "triplet_weighted"}
DESCRIPTORS = {
    "duplicated": torch.randn(1, 16, generator=torch.Generator().manual_seed(0)).expand(6, 16),
    "orthogonal": torch.eye(6, 16),
    "constant": torch.full((6, 16), 0.25),
    "huge": 1e4 * torch.randn(6, 16, generator=torch.Generator().manual_seed(1)),
    "opposite": torch.cat([torch.ones(3, 16), -torch.ones(3, 16)]) / 4,
}
LEVELS = {
    "all_same_place": torch.full((6, 6), 3, dtype=torch.int8),
    "all_far": torch.zeros(6, 6, dtype=torch.int8),
    "pairs": 3 * torch.eye(6, dtype=torch.int8),
    "mixed": torch.randint(
        0, 4, (6, 6), generator=torch.Generator().manual_seed(2), dtype=torch.int8
    ),
}


@pytest.fixture(params=LOSS_CONFIGS)
def name(request):
    return request.param


@pytest.fixture
def loss(name):
    return LOSSES.build(LOSS_CONFIGS[name])


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("descriptors", DESCRIPTORS)
@pytest.mark.parametrize("rows", [1, 6])
def test_degenerate_batches_give_finite_loss_and_gradients(name, loss, descriptors, levels, rows):
    query = DESCRIPTORS[descriptors][:rows].clone().requires_grad_()
    gallery = DESCRIPTORS[descriptors].clone().requires_grad_()
    value = loss(query, gallery, LEVELS[levels][:rows])
    value.backward()
    assert value.isfinite()
    assert value >= (-1 if name in BELOW_ZERO_AT_TIES else -1e-6)
    assert query.grad.isfinite().all()
    assert gallery.grad.isfinite().all()


@pytest.mark.parametrize("levels", ["all_same_place", "all_far"])
def test_without_negatives_or_positives_there_is_nothing_to_learn(name, loss, levels):
    if name in ABSOLUTE:
        pytest.skip("pulls a positive and pushes a negative without the other kind")
    query = torch.randn(6, 16, generator=torch.Generator().manual_seed(3)).requires_grad_()
    value = loss(query, query.detach().flip(0), LEVELS[levels])
    value.backward()
    assert value.item() == 0
    assert (query.grad == 0).all()


def test_gradients_match_finite_differences(name, loss):
    if name in CONSTANT_WEIGHTS:
        pytest.skip("the weights of the negatives are constants")
    generator = torch.Generator().manual_seed(4)
    query, gallery = (
        F.normalize(torch.randn(n, 5, generator=generator, dtype=torch.float64)).requires_grad_()
        for n in (4, 6)
    )
    levels = LEVELS["mixed"][:4]
    loss.double()
    assert torch.autograd.gradcheck(
        lambda query, gallery: loss(query, gallery, levels), (query, gallery)
    )


def test_autocast_does_not_reduce_the_precision(loss):
    generator = torch.Generator().manual_seed(5)
    query, gallery = F.normalize(torch.randn(2, 6, 16, generator=generator), dim=2)
    exact = loss(query, gallery, LEVELS["mixed"])
    with torch.autocast("cpu", torch.bfloat16):
        inside = loss(query, gallery, LEVELS["mixed"])
    half = loss(query.bfloat16(), gallery.bfloat16(), LEVELS["mixed"])
    assert inside.dtype == half.dtype == torch.float32
    assert inside.item() == exact.item()


def test_the_order_of_a_batch_does_not_matter(loss):
    generator = torch.Generator().manual_seed(6)
    query, gallery = F.normalize(torch.randn(2, 6, 16, generator=generator).double(), dim=2)
    rows, columns = torch.randperm(6, generator=generator), torch.randperm(6, generator=generator)
    levels = LEVELS["mixed"]
    value = loss(query, gallery, levels)
    shuffled = loss(query[rows], gallery[columns], levels[rows][:, columns])
    assert shuffled.item() == pytest.approx(value.item(), rel=1e-9)


def test_every_pair_loss_is_tested_here():
    kinds = {kind for kind in LOSSES.module_dict.values() if kind.__module__[:7] == "geoloc."}
    tested = {LOSSES.get(config["type"]) for config in LOSS_CONFIGS.values()}
    # PMLLoss inherits its numerics from pytorch-metric-learning; see test_pml_loss.py.
    assert {kind for kind in kinds if issubclass(kind, PairLoss)} - tested <= {PMLLoss}


def test_both_directions_are_the_mean_of_two_calls(name, loss):
    if name == "her":
        pytest.skip("only the queries are anchors, whatever the direction")
    generator = torch.Generator().manual_seed(8)
    query, gallery = (
        F.normalize(torch.randn(6, 9, generator=generator, dtype=torch.float64)).requires_grad_()
        for _ in range(2)
    )
    levels = LEVELS["mixed"]
    loss.double()
    together = loss.both_directions(query, gallery, levels)
    apart = (loss(query, gallery, levels) + loss(gallery, query, levels.T)) / 2
    assert together.item() == pytest.approx(apart.item(), rel=1e-12)
    for one, other in zip(
        torch.autograd.grad(together, (query, gallery)),
        torch.autograd.grad(apart, (query, gallery)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_within_a_view_no_item_is_its_own_candidate(loss):
    generator = torch.Generator().manual_seed(9)
    rows = F.normalize(torch.randn(6, 9, generator=generator, dtype=torch.float64))
    loss.double()
    similarity = loss.similarity(rows, rows)
    others = [[j for j in range(6) if j != i] for i in range(6)]
    pick = torch.arange(6)[:, None], torch.tensor(others)
    expected = loss.loss(similarity[pick], LEVELS["mixed"][pick])
    assert loss.within(rows, LEVELS["mixed"]).item() == pytest.approx(expected.item(), rel=1e-12)
    with pytest.raises(ValueError, match="at least 2 images"):
        loss.within(rows[:1], LEVELS["mixed"][:1, :1])


BLOCKS = [slice(0, 3), slice(3, 6), slice(6, 9)]


def test_the_mean_of_shares_of_the_anchors_is_the_loss_of_all(name, loss):
    generator = torch.Generator().manual_seed(10)
    query, gallery = F.normalize(torch.randn(2, 9, 9, generator=generator).double(), dim=2)
    place = torch.tensor([0, 0, 0, 1, 1, 2, 4, 8, 8])
    levels = 3 - (place[:, None] - place).abs().clamp_max(3)
    loss.double()
    values = {
        "both": (
            loss.both_directions(query, gallery, levels).item(),
            [loss.of_anchors(query, gallery, levels[own], own).item() for own in BLOCKS],
        ),
        "within": (
            loss.within(query, levels).item(),
            [loss.within_of_anchors(query, levels[own], own).item() for own in BLOCKS],
        ),
    }
    if name == "semivariogram_infonce":  # has a memory, and only without one it is InfoNCE
        assert not loss.can_share_rows
        return
    for whole, shares in values.values():
        mean = pytest.approx(sum(shares) / len(shares), rel=1e-12)
        assert (whole == mean) == loss.can_share_rows, "set averages_rows to what the loss does"


class Turned(torch.nn.Module):
    """A similarity whose arguments cannot change places."""

    is_pairwise = True

    def forward(self, query, gallery):
        return query @ gallery.roll(1, dims=1).T


def test_shares_of_the_anchors_keep_the_order_of_the_views():
    query, gallery = torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(11)).double()
    levels = 3 * torch.eye(6, dtype=torch.int8)
    loss = InfoNCELoss()
    loss.similarity = Turned()
    halves = [slice(0, 3), slice(3, 6)]
    shares = [loss.of_anchors(query, gallery, levels[own], own).item() for own in halves]
    whole = loss.both_directions(query, gallery, levels).item()
    assert sum(shares) / 2 == pytest.approx(whole, rel=1e-12)


class OneAndAHalf(InfoNCELoss):
    """A user's loss, which does something with both views that anchors alone do not show."""

    def both_directions(self, query, gallery, levels):
        return 1.5 * super().both_directions(query, gallery, levels)


def test_a_loss_that_does_more_than_its_base_sees_the_whole_batch():
    assert InfoNCELoss().can_share_rows
    assert not OneAndAHalf().can_share_rows


@pytest.mark.parametrize(
    ("query", "gallery", "levels"),
    [
        ((4, 8), (5, 7), (4, 5)),
        ((4, 8), (5, 8), (5, 4)),
        ((4, 8, 2), (5, 8, 2), (4, 5)),
        ((0, 8), (5, 8), (0, 5)),
    ],
)
def test_shapes_that_do_not_fit_are_named(loss, query, gallery, levels):
    with pytest.raises(ValueError, match=r"query \[N, D\].*got \[\d, 8") as error:
        loss(torch.zeros(query), torch.zeros(gallery), torch.zeros(levels, dtype=torch.int8))
    for shape in (query, gallery, levels):
        assert str(list(shape)) in str(error.value)


def test_fractional_levels_are_refused(loss):
    with pytest.raises(ValueError, match="levels must be integers"):
        loss(torch.ones(2, 3), torch.ones(2, 3), torch.ones(2, 2))


@pytest.mark.parametrize(
    "kind",
    [
        ContrastiveLoss,
        DyCLLoss,
        HAPLoss,
        InfoNCELoss,
        MultiSimilarityLoss,
        SoftMarginTripletLoss,
        TripletLoss,
    ],
)
def test_losses_carry_no_state_unless_they_learn(kind):
    assert kind().state_dict() == {}


def test_log_sum_exps_match_the_definition_and_survive_empty_sets():
    generator = torch.Generator().manual_seed(7)
    logits = (30 * torch.randn(5, 8, generator=generator, dtype=torch.float64)).requires_grad_()
    group = torch.randint(0, 3, (5, 8), generator=generator)
    group[0] = 1
    grouped = grouped_logsumexp(logits, group, 3)
    for i in range(5):
        for g in range(3):
            members = [
                math.exp(v) for v, k in zip(logits[i].tolist(), group[i], strict=True) if k == g
            ]
            mask = group == g
            if members:
                expected = math.log(sum(members))
                assert grouped[i, g].item() == pytest.approx(expected, rel=1e-12)
                assert masked_logsumexp(logits, mask)[i].item() == pytest.approx(
                    expected, rel=1e-12
                )
            else:
                assert softplus(grouped[i, g]) == 0
                assert softplus(masked_logsumexp(logits, mask)[i]) == 0
    assert grouped.isfinite().all()
    softplus(grouped).sum().backward()
    assert logits.grad.isfinite().all()


def test_softplus_has_no_linear_branch():
    x = torch.tensor([-1000.0, -3.0, 0.0, 25.0, 1000.0], dtype=torch.float64)
    expected = [0.0, math.log1p(math.exp(-3)), math.log(2), 25 + math.log1p(math.exp(-25)), 1000.0]
    torch.testing.assert_close(softplus(x), torch.tensor(expected).double(), rtol=1e-7, atol=0)
    assert softplus(x)[3].item() > 25


class WeightedByPlaces(InfoNCELoss):
    """Weighs the loss of a batch by the places in it."""

    def both_directions(
        self, query: Tensor, gallery: Tensor, levels: Tensor, places: Tensor
    ) -> Tensor:
        return super().both_directions(query, gallery, levels) * len(places.unique())

    def forward(self, query: Tensor, gallery: Tensor, levels: Tensor, places: Tensor) -> Tensor:
        raise NotImplementedError


def test_a_loss_that_asks_for_the_places_gets_those_of_the_whole_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    descriptors = [torch.randn(4, 8, generator=torch.Generator().manual_seed(k)) for k in range(2)]
    places, levels = torch.arange(4), SimpleNamespace(of_all=3 * torch.eye(4, dtype=torch.int8))
    alone = pair_loss(WeightedByPlaces(), descriptors, levels, places)
    monkeypatch.setattr("geoloc.models.named_losses.get_dist_info", lambda: (0, 2))
    torch.testing.assert_close(pair_loss(WeightedByPlaces(), descriptors, levels, places), alone)

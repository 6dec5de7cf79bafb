import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.errors import ConfigError
from geoloc.models.losses import DistanceWeightedTripletLoss
from geoloc.models.losses.distance_weighted_triplet_loss import distance_weighted_probabilities


def test_probabilities_match_the_reference(golden):
    arrays = golden("hr_misc_losses")
    unit = F.normalize(torch.from_numpy(arrays["x"]))
    labels = torch.from_numpy(arrays["labels"])
    probability = distance_weighted_probabilities(
        torch.cdist(unit, unit), labels[:, None] != labels, unit.shape[1], 0.5, 1.4
    )
    expected = np.nan_to_num(arrays["distance_weighted_probs_cutoff0p5_nzc1p4"], nan=0.0)
    np.testing.assert_allclose(probability, expected, atol=1e-10)


def test_long_descriptors_neither_overflow_nor_underflow():
    distance = torch.tensor([[0.1, 0.3, 0.6, 1.0, 1.3]])
    negative = torch.tensor([[True, True, True, True, False]])
    probability = distance_weighted_probabilities(distance, negative, 4096, 0.5, 1.4)
    torch.testing.assert_close(probability, torch.tensor([[0.5, 0.5, 0.0, 0.0, 0.0]]))


def test_value_and_gradient_are_the_mean_over_all_draws():
    generator = torch.Generator().manual_seed(0)
    query, gallery = (
        F.normalize(torch.randn(n, 3, generator=generator, dtype=torch.float64)).requires_grad_()
        for n in (6, 9)
    )
    levels = torch.randint(0, 4, (6, 9), generator=generator)
    levels[0], levels[1] = 3, 0  # one anchor without negatives, one without positives
    distance = (F.normalize(query)[:, None] - F.normalize(gallery)).norm(dim=2)
    draws = []
    for row, level in zip(distance, levels, strict=True):
        fixed = row.detach().clamp_min(0.5)
        weight = fixed ** (2 - 3) * (1 - fixed**2 / 4) ** ((3 - 3) / -2)
        weight = weight * ((level < 2) & (row.detach() < 1.4))
        if weight.sum() == 0:
            continue
        weight = weight / weight.sum()
        for positive in row[level >= 2]:
            draws.append((weight * (positive - row + 0.4).relu()).sum())
    expected = torch.stack(draws).mean()
    loss = DistanceWeightedTripletLoss(3, margin=0.4, positive_level=2)(query, gallery, levels)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    for own, other in zip(
        torch.autograd.grad(loss, (query, gallery)),
        torch.autograd.grad(expected, (query, gallery)),
        strict=True,
    ):
        torch.testing.assert_close(own, other, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embed_dims": 1}, "embed_dims=1"),
        ({"embed_dims": 8, "cutoff": 0.0}, "cutoff=0.0"),
        ({"embed_dims": 8, "nonzero_cutoff": 0.4}, "nonzero_cutoff=0.4"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        DistanceWeightedTripletLoss(**arguments)

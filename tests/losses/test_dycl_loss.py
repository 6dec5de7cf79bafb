import math

import numpy as np
import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.losses import DyCLLoss

CASES = ["hr_dycl_loss", "hr_dycl_loss_no_negative_rows"]
NORMALIZATIONS = {"feature": "cosine", "batch": "official_dim0", "none": "dot"}
REFERENCES = {"feature": "reference", "batch": "reference_dim0", "none": "reference"}


def both_directions(loss, x1, x2, levels):
    return (loss(x1, x2, levels) + loss(x2, x1, levels.T)) / 2


def looped_dycl(query, gallery, levels, scale=32.0, margins=(0.45, 0.35, 0.25)):
    """Eq. 4 in plain Python loops over cosines."""
    total = 0.0
    for i, anchor in enumerate(query):
        cosines = [
            float(anchor @ item / (np.linalg.norm(anchor) * np.linalg.norm(item)))
            for item in gallery
        ]
        for step, margin in enumerate(margins):
            terms = [
                math.exp(scale * (cosines[k] - cosines[j] + margin))
                for j in range(len(gallery))
                for k in range(len(gallery))
                if levels[i][j] >= len(margins) - step and levels[i][k] == 0
            ]
            total += math.log(1 + sum(terms))
    return total / len(query)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_value_and_gradients_match_the_official_code(golden, case, normalize):
    arrays = golden(case)
    x1, x2 = (torch.from_numpy(arrays[name]).requires_grad_() for name in ("x1", "x2"))
    loss = both_directions(
        DyCLLoss(normalize=normalize), x1, x2, torch.from_numpy(arrays["target"])
    )
    loss.backward()
    official = NORMALIZATIONS[normalize]
    assert loss.item() == pytest.approx(
        float(arrays[f"{REFERENCES[normalize]}_loss_f64"]), abs=1e-10
    )
    assert loss.item() == pytest.approx(float(arrays[f"{official}_loss_f64"]), abs=1e-8)
    np.testing.assert_allclose(x1.grad, arrays[f"{official}_grad_x1"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(x2.grad, arrays[f"{official}_grad_x2"], rtol=0, atol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_float32_is_accurate_to_1e_5(golden, case):
    arrays = golden(case)
    x1, x2 = (torch.from_numpy(arrays[name]).float() for name in ("x1", "x2"))
    loss = both_directions(DyCLLoss(), x1, x2, torch.from_numpy(arrays["target"]))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(float(arrays["cosine_loss_f64"]), rel=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_every_anchor_alone_matches_its_golden_terms(golden, case):
    arrays = golden(case)
    x1, x2, target = (torch.from_numpy(arrays[name]) for name in ("x1", "x2", "target"))
    for i, per_level in enumerate(arrays["per_anchor_dir12"]):
        anchor = DyCLLoss()(x1[i : i + 1], x2, target[i : i + 1])
        assert anchor.item() == pytest.approx(per_level.sum(), abs=1e-8)


def test_rectangular_asymmetric_levels_match_plain_loops():
    generator = torch.Generator().manual_seed(3)
    query = 5 * torch.randn(6, 9, generator=generator, dtype=torch.float64)
    gallery = torch.randn(11, 9, generator=generator, dtype=torch.float64)
    levels = torch.randint(0, 4, (6, 11), generator=generator)
    expected = looped_dycl(query.numpy(), gallery.numpy(), levels.numpy())
    assert DyCLLoss()(query, gallery, levels).item() == pytest.approx(expected, rel=1e-12)


def test_both_directions_of_views_of_different_sizes():
    generator = torch.Generator().manual_seed(7)
    query, gallery = (torch.randn(n, 9, generator=generator, dtype=torch.float64) for n in (6, 11))
    levels = torch.randint(0, 4, (6, 11), generator=generator)
    expected = both_directions(DyCLLoss(), query, gallery, levels)
    found = DyCLLoss().both_directions(query, gallery, levels)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)


def test_margins_run_from_the_highest_level_down_and_count_the_levels():
    generator = torch.Generator().manual_seed(4)
    query, gallery = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)
    levels = torch.randint(0, 3, (5, 5), generator=generator)
    loss = DyCLLoss(scale=8.0, margins=(0.4, 0.1))
    expected = looped_dycl(query.numpy(), gallery.numpy(), levels.numpy(), 8.0, (0.4, 0.1))
    assert loss(query, gallery, levels).item() == pytest.approx(expected, rel=1e-12)


def test_an_anchor_without_negatives_adds_nothing_but_counts_in_the_mean():
    generator = torch.Generator().manual_seed(5)
    query, gallery = torch.randn(2, 2, 4, generator=generator, dtype=torch.float64)
    query.requires_grad_()
    levels = torch.tensor([[3, 1], [0, 3]])
    loss = DyCLLoss()(query, gallery, levels)
    loss.backward()
    assert (query.grad[0] == 0).all()
    assert (query.grad[1] != 0).all()
    alone = DyCLLoss()(query[1:], gallery, levels[1:])
    assert loss.item() == pytest.approx(alone.item() / 2, rel=1e-12)


def test_batch_normalisation_acts_like_a_larger_scale():
    generator = torch.Generator().manual_seed(6)
    batch, dims = 64, 256
    query, gallery = torch.randn(2, batch, dims, generator=generator, dtype=torch.float64)
    cosine, official = (
        DyCLLoss(normalize=normalize).similarity(query, gallery).flatten()
        for normalize in ("feature", "batch")
    )
    slope = (cosine @ official) / (cosine @ cosine)
    assert slope.item() == pytest.approx(dims / batch, rel=0.05)


@pytest.mark.parametrize(
    "arguments", [{"scale": 0.0}, {"margins": ()}, {"normalize": "rows"}], ids=str
)
def test_impossible_settings_are_named(arguments):
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        DyCLLoss(**arguments)

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.datasets.place_levels import DistanceLevels, LabelTreeLevels
from geoloc.errors import ConfigError
from geoloc.models.losses import CSLLoss


def from_golden(arrays, dtype=torch.float64, **arguments):
    loss = CSLLoss(*arrays["proxies"].shape, **arguments).to(dtype)
    with torch.no_grad():
        loss.weight.copy_(torch.from_numpy(arrays["proxies"]))
    loss.set_place_levels(LabelTreeLevels(torch.from_numpy(arrays["proxy_labels"])))
    embedding = torch.from_numpy(arrays["x"]).to(dtype).requires_grad_()
    return loss, embedding, torch.from_numpy(arrays["labels"][:, 0])


def random_case(places=9, dims=4, batch=6, highest=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    table = torch.randint(0, highest, (places, places), generator=generator)
    table = torch.minimum(table, table.T).fill_diagonal_(highest)
    embedding = F.normalize(torch.randn(batch, dims, generator=generator, dtype=torch.float64))
    label = torch.randint(0, places, (batch,), generator=generator)
    return DistanceLevels(table, highest), embedding, label


def by_loops(loss, levels, embedding, label):
    proxies = F.normalize(loss.weight.detach(), dim=1).numpy()
    scales = []
    for scale, margin in enumerate(loss.margins):
        terms = []
        for x, y in zip(embedding.detach().numpy(), label.tolist(), strict=True):
            others = [c for c in range(len(proxies)) if levels.table[y, c] < levels.highest - scale]
            total = sum(
                math.exp(loss.scale * (x @ proxies[c] - x @ proxies[y] + margin)) for c in others
            )
            terms.append(math.log1p(total))
        scales.append(sum(terms) / len(terms))
    return scales


def test_a_label_tree_gives_the_value_and_gradients_of_the_official_code(golden):
    arrays = golden("hr_csl_loss")
    loss, embedding, label = from_golden(arrays)
    value = loss(embedding, label)
    value.backward()
    # The official softplus is linear above 20.
    assert value.item() == pytest.approx(float(arrays["official_loss_f64"]), abs=1e-8)
    assert value.item() == pytest.approx(float(arrays["reference_loss_f64"]), rel=1e-13)
    np.testing.assert_allclose(embedding.grad, arrays["official_grad_x"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(loss.weight.grad, arrays["official_grad_weight"], rtol=0, atol=1e-7)


def test_every_scale_and_float32(golden):
    arrays = golden("hr_csl_loss")
    loss, embedding, label = from_golden(arrays, torch.float32)
    assert loss(embedding, label).item() == pytest.approx(
        float(arrays["official_loss_f32"]), rel=1e-6
    )
    mean, embedding, label = from_golden(arrays, reduction="mean")
    per_level = arrays["reference_per_level_f64"]
    assert mean(embedding, label).item() == pytest.approx(per_level.mean(), rel=1e-12)
    # Without the finest level, places within a middle class are no negatives of each other.
    coarse = CSLLoss(*arrays["proxies"].shape, margins=(0.35, 0.45)).double()
    coarse.load_state_dict(mean.state_dict())
    coarse.set_place_levels(LabelTreeLevels(torch.from_numpy(arrays["proxy_labels"][:, 1:])))
    assert coarse(embedding, label).item() == pytest.approx(per_level[1:].sum(), rel=1e-12)


@pytest.mark.parametrize("highest", [1, 2, 3])
def test_distance_levels_match_plain_loops(highest):
    levels, embedding, label = random_case(highest=highest, seed=highest)
    loss = CSLLoss(9, 4, scale=7.0, margins=(0.1, 0.3, 0.2)[:highest]).double()
    loss.set_place_levels(levels)
    expected = by_loops(loss, levels, embedding, label)
    assert loss(embedding, label).item() == pytest.approx(sum(expected), rel=1e-12)


def test_a_place_of_the_highest_level_is_neither_negative_nor_positive():
    levels, embedding, _ = random_case(seed=7)
    levels.table[:] = 0
    levels.table.fill_diagonal_(3)
    levels.table[0, 1] = levels.table[1, 0] = 3
    loss = CSLLoss(9, 4).double()
    loss.set_place_levels(levels)
    loss(embedding[:1], torch.tensor([0])).backward()
    assert (loss.weight.grad[1] == 0).all()
    assert (loss.weight.grad[[0, 2]] != 0).any(dim=1).all()


def test_without_negatives_there_is_nothing_to_learn():
    _, embedding, label = random_case()
    loss = CSLLoss(9, 4).double()
    loss.set_place_levels(DistanceLevels(torch.full((9, 9), 3), 3))
    value = loss(embedding.requires_grad_(), label)
    value.backward()
    assert value.item() == 0
    assert (embedding.grad == 0).all()
    assert (loss.weight.grad == 0).all()


def test_levels_are_needed_and_must_fit():
    levels, embedding, label = random_case()
    loss = CSLLoss(9, 4).double()
    with pytest.raises(ConfigError, match="call set_place_levels"):
        loss(embedding, label)
    with pytest.raises(ConfigError, match=r"num_places=8.*9 places.*set num_places=9"):
        CSLLoss(8, 4).set_place_levels(levels)
    with pytest.raises(ConfigError, match=r"has 2 margins.*highest level.*is 3"):
        CSLLoss(9, 4, margins=(0.1, 0.2)).set_place_levels(levels)


def test_the_levels_are_not_saved():
    levels, _, _ = random_case()
    loss = CSLLoss(9, 4)
    loss.set_place_levels(levels)
    assert set(loss.state_dict()) == {"weight"}


@pytest.mark.parametrize(
    ("arguments", "match"),
    [({"margins": ()}, r"margins=\(\)"), ({"reduction": "none"}, "reduction='none'.*sum, mean")],
)
def test_impossible_settings_are_named(arguments, match):
    with pytest.raises(ConfigError, match=match):
        CSLLoss(9, 4, **arguments)

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets.place_levels import DistanceLevels, LabelTreeLevels
from geoloc.errors import ConfigError
from geoloc.models.losses import MultiScaleClassLoss, NormalizedSoftmaxLoss
from geoloc.registry import LOSSES

DIMS = 4
NSM = {"type": "NormalizedSoftmaxLoss", "num_places": 5, "embed_dims": DIMS}
# Place, middle and coarse label: as in the files of DyML, neither in order nor without gaps.
TREE = [[0, 70, 8], [1, 9, 3], [2, 70, 8], [3, 12, 8], [4, 9, 3]]


def random_batch(places, rows=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    embedding = F.normalize(torch.randn(rows, DIMS, generator=generator, dtype=torch.float64))
    return embedding.requires_grad_(), torch.randint(0, places, (rows,), generator=generator)


def sum_nsm(tree=TREE, seed=0, **arguments):
    torch.manual_seed(seed)
    counts = [len(set(column)) for column in zip(*tree, strict=True)]
    loss = MultiScaleClassLoss({**NSM, "num_places": counts[0], **arguments}, counts[1:]).double()
    loss.set_place_levels(LabelTreeLevels(torch.tensor(tree)))
    return loss


def by_loops(loss, tree, embedding, label, temperature):
    """Cross-entropy with the proxies of every scale, in plain Python."""
    total = 0.0
    for scale, column in zip(loss.scales, zip(*tree, strict=True), strict=True):
        names = sorted(set(column))
        proxies = scale.weight.detach().numpy()
        assert len(proxies) == len(names)
        for x, place in zip(embedding.detach().numpy(), label.tolist(), strict=True):
            logits = [x @ p / math.sqrt(sum(p * p)) / temperature for p in proxies]
            own = logits[names.index(column[place])]
            total += math.log(sum(math.exp(logit - own) for logit in logits)) / len(label)
    return total


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_value_is_that_of_plain_loops(temperature):
    loss = sum_nsm(temperature=temperature)
    embedding, label = random_batch(5, rows=8)
    expected = by_loops(loss, TREE, embedding, label, temperature)
    assert loss(embedding, label).item() == pytest.approx(expected, rel=1e-12)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=7))
@settings(max_examples=25)
def test_any_tree(middles):
    coarse_of = dict(middles)
    tree = [[place, label, 5 * coarse_of[label]] for place, (label, _) in enumerate(middles)]
    loss = sum_nsm(tree)
    embedding, label = random_batch(len(tree))
    expected = by_loops(loss, tree, embedding, label, 0.05)
    assert loss(embedding, label).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_single_level_is_the_loss_itself():
    loss = MultiScaleClassLoss(NSM, ()).double()
    loss.set_place_levels(LabelTreeLevels(torch.arange(5)[:, None]))
    plain = NormalizedSoftmaxLoss(5, DIMS).double()
    plain.load_state_dict(loss.scales[0].state_dict())
    embedding, label = random_batch(5)
    copy = embedding.detach().clone().requires_grad_()
    value, expected = loss(embedding, label), plain(copy, label)
    value.backward()
    expected.backward()
    assert value.item() == expected.item()
    assert torch.equal(embedding.grad, copy.grad)
    assert torch.equal(loss.scales[0].weight.grad, plain.weight.grad)


def test_images_of_one_class_share_its_proxy_at_that_scale_only():
    loss = sum_nsm()
    embedding, _ = random_batch(5, rows=1)
    finest, middle, coarse = loss.scales
    with torch.no_grad():  # no proxy of a place matters
        finest.weight.fill_(1.0)
    values = [loss(embedding, torch.tensor([place])).item() for place in range(5)]
    assert values[0] == values[2]  # both 70, 8
    assert values[1] == values[4]  # both 9, 3
    with torch.no_grad():
        middle.weight.fill_(1.0)
    coarse_only = [loss(embedding, torch.tensor([place])).item() for place in range(5)]
    assert coarse_only[0] == coarse_only[2] == coarse_only[3]  # all 8
    assert values[0] != values[3]
    assert coarse_only[0] != coarse_only[1]
    assert coarse.weight.shape == (2, DIMS)


def test_only_proxies_are_saved_and_they_are_parameters():
    loss = sum_nsm()
    assert {name: len(value) for name, value in loss.state_dict().items()} == {
        "scales.0.weight": 5,
        "scales.1.weight": 3,
        "scales.2.weight": 2,
    }
    assert set(dict(loss.named_parameters())) == set(loss.state_dict())
    np.testing.assert_array_equal(loss.class_of_place[:, 1], [2, 0, 2, 1, 0])


def test_the_labels_must_be_a_tree_of_the_same_size():
    embedding, label = random_batch(5)
    loss = MultiScaleClassLoss(NSM, (3, 2)).double()
    with pytest.raises(ConfigError, match="call set_place_levels"):
        loss(embedding, label)
    with pytest.raises(ConfigError, match=r"levels from distances form no classes"):
        loss.set_place_levels(DistanceLevels(torch.eye(5, dtype=torch.int8), 3))
    for coarser in [(3,), (3, 3), (2, 3), (3, 2, 1)]:
        with pytest.raises(ConfigError, match=r"set loss\.num_places=5 and coarser_classes=\(3, 2"):
            MultiScaleClassLoss(NSM, coarser).set_place_levels(LabelTreeLevels(torch.tensor(TREE)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": {"type": "TripletLoss"}}, "must be a class loss of one scale"),
        ({"loss": {**NSM, "type": "CSLLoss"}}, "must be a class loss of one scale"),
        ({"coarser_classes": (3, 0)}, r"coarser_classes=\(3, 0\) must be positive"),
        ({"loss": {**NSM, "num_places": 0}}, "num_places=0"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        LOSSES.build(
            {"type": "MultiScaleClassLoss", "loss": NSM, "coarser_classes": (3, 2), **arguments}
        )

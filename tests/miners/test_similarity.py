"""Miners compare descriptors by the similarity of the model."""

import pytest
import torch
import torch.nn.functional as F

from geoloc.errors import ConfigError
from geoloc.models.azimuth_similarity import AzimuthSimilarity
from geoloc.models.miners import hardest_negative as search
from geoloc.models.miners.hardest_negative import hardest_negative
from geoloc.registry import LOSSES

from .conftest import VIEWS, batch_of, build_model, freeze_batch_norm, global_batch

MAP = (1, 2, 3)  # of the 6 numbers of a descriptor
AZIMUTH = {"type": "AzimuthSimilarity", "map_size": MAP}
FIRST, SECOND, THIRD = [0, 3, 6, 9], [12, 15, 18, 21], [24, 27, 30, 33]


@LOSSES.register_module()
class RowSumOfMiner(torch.nn.Module):
    """A pair loss that compares in its own way."""

    def forward(self, query, gallery, levels):
        return query.sum() + gallery.sum() + levels.sum()


def by_rotations(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the cosine of two flattened maps at their best rotation, by a loop."""
    turned = [other.reshape(MAP).roll(turn, dims=2).flatten() for turn in range(MAP[2])]
    return torch.stack([F.cosine_similarity(one, each, dim=0) for each in turned]).max()


@pytest.mark.parametrize("pairs", [1, 30, 10_000])
def test_the_hardest_negative_is_that_of_a_loop_over_rotations(monkeypatch, pairs):
    monkeypatch.setattr(search, "PAIRS", pairs)  # candidates in blocks, or all at once
    torch.manual_seed(0)
    anchors, candidates = torch.randn(7, 6), torch.randn(20, 6)
    allowed = torch.rand(7, 20) < 0.3
    allowed[3] = False
    positions, found = hardest_negative(anchors, candidates, allowed, AzimuthSimilarity(MAP))
    by_cosine, _ = hardest_negative(anchors, candidates, allowed)
    assert (positions != by_cosine).any()
    assert found.tolist() == allowed.any(dim=1).tolist()
    for i in found.nonzero().flatten().tolist():
        values = {m: float(by_rotations(anchors[i], candidates[m])) for m in range(20)}
        assert int(positions[i]) == max((m for m in values if allowed[i, m]), key=values.get)


@pytest.mark.parametrize("reload", [True, False])
def test_docb_is_that_of_plain_loops_and_gives_the_mined_image_a_gradient(dataset, reload):
    model = build_model(dataset, AZIMUTH, reload=reload, refresh=False, alpha=3.0)
    freeze_batch_norm(model)
    for items in (FIRST, SECOND):
        model(**batch_of(dataset, items, model), mode="loss")
    batch = global_batch(dataset, THIRD, model)
    for view in VIEWS:  # what the network says of these images is too much alike
        memory = model.miner.memory[view]
        memory.descriptors = F.normalize(torch.randn_like(memory.descriptors))
    by_azimuth, by_cosine = (
        [
            model.miner.search(batch, model.miner.memory, pair, *options).positions.tolist()
            for pair in (VIEWS, VIEWS[::-1])
        ]
        for options in ((model.miner.similarity,), ())
    )
    assert by_azimuth != by_cosine
    terms = []
    for anchors, view in (VIEWS, VIEWS[::-1]):
        memory = model.miner.memory[view]
        for i, anchor in enumerate(batch.descriptors[anchors]):
            negative = batch.levels(batch.labels[i : i + 1], memory.labels)[0] == 0
            values = torch.stack([by_rotations(anchor, other) for other in memory.descriptors])
            chosen = int(values.masked_fill(~negative, -torch.inf).argmax())
            hardest = memory.descriptors[chosen]
            if reload:
                image = dataset.reload(view, int(memory.rows[chosen]), 3)[None]
                hardest = model.describe_reloaded(image, view)[0]
            partner = by_rotations(anchor, batch.descriptors[view][i])
            terms.append(F.softplus(2 * 3.0 * (by_rotations(anchor, hardest) - partner)))
    seen = {}

    def describe(images, view):
        seen[view] = images.double().requires_grad_()
        return model.describe_reloaded(seen[view], view)

    loss = model.miner(batch, describe)
    torch.testing.assert_close(loss, torch.stack(terms).mean(), rtol=1e-9, atol=0)
    loss.backward()
    assert set(seen) == (set(VIEWS) if reload else set())
    for images in seen.values():
        assert (images.grad.flatten(1).abs().sum(dim=1) > 0).all()


def test_the_start_asks_the_similarity(dataset):
    """Turned maps are alike, which the cosine does not see."""
    turned = torch.eye(6).double()[[0, 1]]
    batch = global_batch(dataset, FIRST[:2], build_model(dataset))
    batch = batch._replace(descriptors=dict.fromkeys(VIEWS, turned))
    for similarity, begins in ((None, True), (AZIMUTH, False)):
        miner = build_model(dataset, similarity, start_epoch=9, start_fraction=0.5).miner
        assert miner.start(batch, miner.directions, miner.similarity) == begins


def test_xbm_compares_by_it(dataset):
    loss = {"type": "SoftMarginTripletLoss", "positive_level": 1}
    options = {"type": "XBM", "loss": loss, "start_iteration": 0, "start_epoch": None}
    model = build_model(dataset, AZIMUTH, **options)
    assert isinstance(model.miner.loss.similarity, AzimuthSimilarity)
    with pytest.raises(ConfigError, match=r"model\.miner\.loss: to compare by model\.similarity"):
        build_model(dataset, AZIMUTH, **{**options, "loss": {"type": "RowSumOfMiner"}})


def test_global_mining_refuses_it(dataset):
    with pytest.raises(ConfigError, match=r"GlobalMining searches by inner products"):
        build_model(dataset, AZIMUTH, type="GlobalMining", start_epoch=None)

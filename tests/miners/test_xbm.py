import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.errors import ConfigError
from geoloc.models.miners import XBM, GlobalBatch

CONTRASTIVE = {"type": "CosineContrastiveLoss"}
LEVELS = DistanceLevels(3 * torch.eye(9, dtype=torch.int8), 3)


def not_used(images, view):
    raise AssertionError("XBM describes nothing again")


def one_view(features, labels, first_row=0):
    rows = torch.arange(len(labels)) + first_row
    return GlobalBatch({"image": features}, labels, {"image": rows}, LEVELS)


def test_steps_match_the_official_code(golden):
    arrays = golden("cv_xbm")
    miner = XBM(
        ["image"],
        CONTRASTIVE,
        memory_size=int(arrays["memory_size"]),
        start_iteration=int(arrays["start_iteration"]),
        official=True,
    )
    for t, (features, targets) in enumerate(zip(arrays["feats"], arrays["targets"], strict=True)):
        features = torch.from_numpy(features).requires_grad_()
        labels = torch.from_numpy(targets)
        batch = one_view(features, labels)
        term = miner(batch, not_used)
        if t >= int(arrays["start_iteration"]):
            assert term.item() == pytest.approx(float(arrays["xbm_loss"][t]), abs=1e-4)
        total = miner.loss(features, features, LEVELS(labels, labels)) + term
        total.backward()
        assert total.item() == pytest.approx(float(arrays["total_loss"][t]), abs=1e-4)
        # the official gradient is of unnormalised products: take its part across the descriptors
        official = torch.from_numpy(arrays["grad_feats"][t])
        unit = features.detach()
        across = official - (official * unit).sum(dim=1, keepdim=True) * unit
        torch.testing.assert_close(features.grad, across, rtol=1e-4, atol=1e-4)
        queue = miner.memory["image"]
        assert int(queue.pointer) == arrays["ptr_after"][t]
        assert len(queue) == arrays["n_valid_after"][t]
        assert queue.slot_labels.tolist() == arrays[f"mem_targets_{t + 1}"].tolist()
    np.testing.assert_array_equal(queue.slot_descriptors, arrays["mem_feats_final"])


def test_by_default_the_memory_is_the_last_k_images_before_the_batch():
    generator = torch.Generator().manual_seed(0)
    miner = XBM(["image"], CONTRASTIVE, memory_size=10, start_iteration=1)
    seen: list[tuple[torch.Tensor, int]] = []
    for step in range(1, 7):
        features = F.normalize(torch.randn(4, 5, generator=generator).double())
        labels = torch.randint(0, 9, (4,), generator=generator)
        found = miner(one_view(features, labels, 4 * step), not_used).item()
        expected = 0.0
        for i in range(4):
            for remembered, label in seen[-10:]:
                s = float(features[i] @ remembered)
                if label == labels[i]:
                    expected += 1 - s
                elif s > 0.5:
                    expected += s
        assert found == pytest.approx(expected / 4, rel=1e-9, abs=1e-12)
        if step > 1:
            # of one batch the first image counts as the youngest
            seen += list(zip(features, labels.tolist(), strict=True))[::-1]


def test_two_views_search_each_other():
    generator = torch.Generator().manual_seed(1)
    batches = [
        GlobalBatch(
            {v: F.normalize(torch.randn(4, 5, generator=generator)) for v in ("a", "b")},
            torch.arange(4) + start,
            {v: torch.arange(4) + start for v in ("a", "b")},
            LEVELS,
        )
        for start in (0, 4)
    ]
    terms = {}
    for directions in ("query", "gallery", "both"):
        miner = XBM(["a", "b"], CONTRASTIVE, start_iteration=0, directions=directions)
        assert miner(batches[0], not_used) == 0
        terms[directions] = miner(batches[1], not_used)
    levels = LEVELS(batches[1].labels, batches[0].labels)
    query = miner.loss(batches[1].descriptors["a"], batches[0].descriptors["b"], levels)
    torch.testing.assert_close(terms["query"], query)
    torch.testing.assert_close(terms["both"], (terms["query"] + terms["gallery"]) / 2)


@pytest.mark.parametrize("official", [True, False])
def test_state_is_restored(official):
    options = {"memory_size": 6, "start_iteration": 0, "official": official}
    miner, fresh = (XBM(["image"], CONTRASTIVE, **options) for _ in range(2))
    rows = F.normalize(torch.randn(4, 5, generator=torch.Generator().manual_seed(2)))
    for start in (0, 4):
        miner(one_view(rows, torch.arange(4) + start, start), not_used)
    fresh.load_state_dict(miner.state_dict())
    assert fresh.checksum() == miner.checksum()
    batch = one_view(rows.flip(1), torch.arange(4), 20)
    assert fresh(batch, not_used) == miner(batch, not_used)


def test_mistakes_are_named():
    for options, message in (
        ({"memory_size": 0}, "memory_size=0"),
        ({"memory_size": 0, "official": True}, "memory_size=0"),
        ({"start_iteration": -1}, "start_iteration=-1"),
    ):
        with pytest.raises(ConfigError, match=message):
            XBM(["image"], CONTRASTIVE, **options)
    small = XBM(["image"], CONTRASTIVE, memory_size=3, start_iteration=0, official=True)
    with pytest.raises(ConfigError, match="memory_size=3 is smaller than a batch of 4"):
        small(one_view(torch.eye(4), torch.arange(4)), not_used)

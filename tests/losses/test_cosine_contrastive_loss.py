import pytest
import torch
import torch.nn.functional as F

from geoloc.models.losses import CosineContrastiveLoss


def test_batch_terms_match_the_official_code(golden):
    arrays = golden("cv_xbm")
    for features, targets, expected in zip(
        *(arrays[name] for name in ("feats", "targets", "batch_loss")), strict=True
    ):
        rows = torch.from_numpy(features)
        labels = torch.from_numpy(targets)
        levels = 3 * (labels[:, None] == labels).int()
        assert CosineContrastiveLoss()(rows, rows, levels).item() == pytest.approx(
            float(expected), abs=1e-4
        )


def test_values_match_plain_loops():
    generator = torch.Generator().manual_seed(0)
    centre = torch.randn(1, 5, generator=generator).double()
    query, gallery = (
        F.normalize(centre + torch.randn(n, 5, generator=generator).double()) for n in (4, 7)
    )
    levels = torch.randint(0, 4, (4, 7), generator=generator)
    total = 0.0
    for i in range(4):
        for j in range(7):
            s = float(query[i] @ gallery[j])
            if levels[i, j] >= 2:
                total += 1 - s
            elif s > 0.3:
                total += s
    loss = CosineContrastiveLoss(margin=0.3, positive_level=2)(query, gallery, levels)
    assert loss.item() == pytest.approx(total / 4, rel=1e-12)

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.models.losses import InstanceLoss


def lpn_loss(arrays):
    """Return the loss with the classifiers of the golden model, one per part."""
    parts = [arrays[f"sd_classifier{p}__classifier__0__weight"] for p in range(4)]
    biases = [arrays[f"sd_classifier{p}__classifier__0__bias"] for p in range(4)]
    loss = InstanceLoss(*parts[0].shape, num_parts=4)
    loss.load_state_dict(
        {"weight": torch.tensor(np.stack(parts)), "bias": torch.tensor(np.stack(biases))}
    )
    return loss


def test_the_sum_of_two_views_matches_the_reference(golden):
    arrays = golden("hr_misc_losses")
    loss = InstanceLoss(6, 10).double()
    loss.load_state_dict(
        {
            "weight": torch.from_numpy(arrays["instance_W"])[None],
            "bias": torch.from_numpy(arrays["instance_b"])[None],
        }
    )
    labels = torch.from_numpy(arrays["labels"])
    rows = [torch.from_numpy(arrays[key]) for key in ("x", "x_view2")]
    views = [loss(F.normalize(x, dim=1), labels).item() for x in rows]
    assert sum(views) == pytest.approx(float(arrays["instance_sum_two_views_loss"]), rel=1e-12)


def test_logits_of_all_parts_match_the_official_model(golden):
    arrays = golden("cv_lpn_head")
    logits = lpn_loss(arrays).logits(torch.from_numpy(arrays["bottleneck_eval"]))
    np.testing.assert_allclose(
        logits.detach().permute(1, 2, 0), arrays["logits_eval"], rtol=0, atol=1e-5
    )


def test_parts_match_plain_loops():
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(5, 3, 2, generator=generator, dtype=torch.float64)
    labels = [0, 3, 1, 1, 2]
    loss = InstanceLoss(4, 3, num_parts=2).double()
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter.normal_(generator=generator)
    weight, bias = loss.weight.detach().numpy(), loss.bias.detach().numpy()
    total = 0.0
    for x, y in zip(embedding.numpy(), labels, strict=True):
        for part in range(2):
            logits = weight[part] @ x[:, part] + bias[part]
            total += math.log(np.exp(logits).sum()) - logits[y]
    assert loss(embedding, torch.tensor(labels)).item() == pytest.approx(total / 5, rel=1e-12)


def test_classifiers_start_near_zero_and_the_loss_at_chance():
    loss = InstanceLoss(200, 64, num_parts=3)
    assert loss.weight.std().item() == pytest.approx(1e-3, rel=0.05)
    assert loss.weight.mean().abs() < 1e-4
    assert (loss.bias == 0).all()
    value = loss(torch.randn(8, 64, 3), torch.arange(8))
    assert value.item() == pytest.approx(3 * math.log(200), rel=1e-2)

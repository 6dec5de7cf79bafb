import math

import numpy as np
import pytest
import torch

from geoloc.models.losses import NormalizedSoftmaxLoss


def from_golden(arrays, dtype=torch.float64, **arguments):
    loss = NormalizedSoftmaxLoss(*arrays["weight"].shape, **arguments).to(dtype)
    with torch.no_grad():
        loss.weight.copy_(torch.from_numpy(arrays["weight"]))
    embedding = torch.from_numpy(arrays["x"]).to(dtype).requires_grad_()
    return loss, embedding, torch.from_numpy(arrays["labels"])


def test_value_and_gradients_match_the_official_code(golden):
    arrays = golden("hr_cluster_loss")
    loss, embedding, labels = from_golden(arrays)
    value = loss(embedding, labels)
    value.backward()
    assert value.item() == pytest.approx(float(arrays["official_loss_f64"]), rel=1e-12)
    np.testing.assert_allclose(embedding.grad, arrays["official_grad_x"], atol=1e-12)
    np.testing.assert_allclose(loss.weight.grad, arrays["official_grad_weight"], atol=1e-12)


def test_float32_and_the_temperature_of_the_paper(golden):
    arrays = golden("hr_cluster_loss")
    loss, embedding, labels = from_golden(arrays, torch.float32)
    assert loss(embedding, labels).item() == pytest.approx(
        float(arrays["official_loss_f64"]), rel=1e-6
    )
    loss, embedding, labels = from_golden(arrays, temperature=1.0)
    assert loss(embedding, labels).item() == pytest.approx(
        float(arrays["paper_eq5_temperature1_loss_f64"]), rel=1e-12
    )


def test_the_embedding_is_not_normalised_but_the_proxies_are(golden):
    loss, embedding, labels = from_golden(golden("hr_cluster_loss"))
    value = loss(embedding, labels)
    with torch.no_grad():
        loss.weight.mul_(7)
    assert loss(embedding, labels).item() == pytest.approx(value.item(), rel=1e-12)
    assert loss(2 * embedding, labels).item() != pytest.approx(value.item(), rel=1e-2)


def test_proxies_start_uniform():
    weight = NormalizedSoftmaxLoss(200, 64).weight.detach()
    bound = 1 / math.sqrt(64)
    assert weight.abs().max() <= bound
    assert weight.abs().max() > 0.99 * bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)

import numpy as np
import pytest
import torch

from geoloc.models.losses import ProxyNCALoss


@pytest.mark.parametrize("scale", [1, 9])
def test_value_and_gradients_match_the_official_code(golden, scale):
    arrays = golden("hr_misc_losses")
    loss = ProxyNCALoss(*arrays["proxies"].shape, scale=scale).double()
    loss.load_state_dict({"weight": torch.from_numpy(arrays["proxies"])})
    embedding = torch.from_numpy(arrays["x"]).requires_grad_()
    value = loss(embedding, torch.from_numpy(arrays["labels"]))
    value.backward()
    name = f"proxynca_scale{scale}"
    assert value.item() == pytest.approx(float(arrays[f"{name}_loss"]), rel=1e-12)
    np.testing.assert_allclose(embedding.grad, arrays[f"{name}_grad_x"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(loss.weight.grad, arrays[f"{name}_grad_proxies"], rtol=0, atol=1e-12)


def test_it_is_the_softmax_over_squared_distances():
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    loss = ProxyNCALoss(6, 4).double()
    x, proxies = (rows / rows.norm(dim=1, keepdim=True) for rows in (embedding, loss.weight))
    logits = -9 * (x[:, None] - proxies).square().sum(dim=2)
    labels = torch.tensor([0, 5, 2, 2, 1])
    expected = -logits.log_softmax(dim=1)[torch.arange(5), labels].mean()
    assert loss(embedding, labels).item() == pytest.approx(expected.item(), rel=1e-12)
    assert loss(7 * embedding, labels).item() == pytest.approx(expected.item(), rel=1e-12)

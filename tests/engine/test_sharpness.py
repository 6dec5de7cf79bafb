import pytest
import torch
from torch import nn

from geoloc.engine.sharpness import SharpnessAwareOptimWrapper
from geoloc.errors import ConfigError


def objective(w: torch.Tensor, v: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x @ w).square().sum() + 0.1 * v.pow(4).sum() + 0.01 * w.sum() * v.sum()


@pytest.mark.parametrize("kind", ["asam", "sam"])
def test_a_step_equals_the_official_code(golden, kind) -> None:
    vectors = {name: torch.from_numpy(value) for name, value in golden("cv_transgeo_sam").items()}
    w, v = (nn.Parameter(vectors[f"{kind}_{name}0"].clone()) for name in "wv")
    rate, decay = float(vectors["lr"]), float(vectors["weight_decay"])
    optimizer = torch.optim.AdamW([w, v], lr=rate, weight_decay=decay)
    rho = float(vectors[f"rho_{kind}"])
    wrapper = SharpnessAwareOptimWrapper(rho=rho, adaptive=kind == "asam", optimizer=optimizer)
    seen = []

    def closure() -> torch.Tensor:
        loss = objective(w, v, vectors[f"{kind}_X"])
        seen.append((w.detach().clone(), v.detach().clone(), loss.item()))
        return loss

    first = wrapper.update_twice(closure)
    close = {"rtol": 1e-4, "atol": 1e-6}
    (_, _, loss_1), (w_up, v_up, loss_2) = seen
    assert first.item() == loss_1 == pytest.approx(float(vectors[f"{kind}_loss1"]), rel=1e-4)
    assert loss_2 == pytest.approx(float(vectors[f"{kind}_loss2"]), rel=1e-4)
    torch.testing.assert_close(w_up, vectors[f"{kind}_w_perturbed"], **close)
    torch.testing.assert_close(v_up, vectors[f"{kind}_v_perturbed"], **close)
    torch.testing.assert_close(w.detach(), vectors[f"{kind}_w1"], **close)
    torch.testing.assert_close(v.detach(), vectors[f"{kind}_v1"], **close)
    assert w.grad is None or not w.grad.any()


def test_a_parameter_without_gradient_stays() -> None:
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([used, unused], lr=0.1)
    wrapper = SharpnessAwareOptimWrapper(rho=0.1, optimizer=optimizer)
    wrapper.update_twice(lambda: used.square().sum())
    assert unused.tolist() == [1, 1]
    assert (used < 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"rho": 0.0}, "rho=0.0 must be positive"), ({"accumulative_counts": 2}, "counts=2")],
)
def test_what_cannot_work_is_named(options, message) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    with pytest.raises(ConfigError, match=message):
        SharpnessAwareOptimWrapper(optimizer=optimizer, **options)

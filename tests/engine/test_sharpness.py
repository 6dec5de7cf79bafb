import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.engine.hooks import MinerHook
from geoloc.engine.precision import enable_amp
from geoloc.engine.sharpness import SharpnessAwareOptimWrapper
from geoloc.errors import ConfigError
from geoloc.registry import MODELS

CLOSE = {"rtol": 1e-4, "atol": 1e-6}
PLACES, VIEWS = 4, ("drone", "satellite")


class Objective(BaseModel):
    """A function of two parameters as a model, which notes where it was evaluated."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], w: Tensor, v: Tensor) -> None:
        super().__init__()
        self.w, self.v = nn.Parameter(w.clone()), nn.Parameter(v.clone())
        self.function = function
        self.seen: list[tuple[Tensor, Tensor, float]] = []

    def forward(self, inputs: Any = None, mode: str = "loss") -> dict[str, Tensor]:
        loss = self.function(self.w, self.v)
        self.seen.append((self.w.detach().clone(), self.v.detach().clone(), loss.item()))
        return {"loss_value": loss}


def wrapper_of(model: nn.Module, **options: Any) -> SharpnessAwareOptimWrapper:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return SharpnessAwareOptimWrapper(optimizer=optimizer, **options)


@pytest.mark.parametrize("kind", ["asam", "sam"])
def test_a_training_step_equals_the_official_code(golden, kind) -> None:
    vectors = {name: torch.from_numpy(value) for name, value in golden("cv_transgeo_sam").items()}
    x = vectors[f"{kind}_X"]

    def objective(w: Tensor, v: Tensor) -> Tensor:
        return torch.tanh(x @ w).square().sum() + 0.1 * v.pow(4).sum() + 0.01 * w.sum() * v.sum()

    model = Objective(objective, vectors[f"{kind}_w0"], vectors[f"{kind}_v0"])
    rate, decay = float(vectors["lr"]), float(vectors["weight_decay"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    wrapper = SharpnessAwareOptimWrapper(
        rho=float(vectors[f"rho_{kind}"]), adaptive=kind == "asam", optimizer=optimizer
    )
    log = model.train_step({}, wrapper)
    (_, _, loss_1), (w_up, v_up, loss_2) = model.seen
    assert log["loss"].item() == loss_1 == pytest.approx(float(vectors[f"{kind}_loss1"]), rel=1e-4)
    assert loss_2 == pytest.approx(float(vectors[f"{kind}_loss2"]), rel=1e-4)
    torch.testing.assert_close(w_up, vectors[f"{kind}_w_perturbed"], **CLOSE)
    torch.testing.assert_close(v_up, vectors[f"{kind}_v_perturbed"], **CLOSE)
    torch.testing.assert_close(model.w.detach(), vectors[f"{kind}_w1"], **CLOSE)
    torch.testing.assert_close(model.v.detach(), vectors[f"{kind}_v1"], **CLOSE)
    assert model.w.grad is None or not model.w.grad.any()


def test_the_gradient_at_the_higher_point_is_clipped() -> None:
    model = Objective(lambda w, v: 50 * w.square().sum(), torch.ones(2), torch.ones(2))
    wrapper = wrapper_of(model, rho=0.1, clip_grad={"max_norm": 1.0})
    model.train_step({}, wrapper)
    # 0.1 times a gradient of length 1 along the diagonal
    torch.testing.assert_close(model.w.detach(), torch.full((2,), 1 - 0.1 / 2**0.5))


def test_a_parameter_without_gradient_stays() -> None:
    model = Objective(lambda w, v: w.square().sum(), torch.ones(2), torch.ones(2))
    model.train_step({}, wrapper_of(model, rho=0.1))
    assert model.v.tolist() == [1, 1]
    assert (model.w < 1).all()


def retriever(**arguments: Any) -> Any:
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "CrossViewRetriever",
            "backbone": {"type": "mmpretrain.ResNet", "depth": 18, "base_channels": 8},
            "neck": {"type": "mmpretrain.GlobalAveragePooling"},
            "head": {"type": "ProjectionHead", "in_dims": 64, "embed_dims": 8},
            "losses": {"triplet": {"type": "SoftMarginTripletLoss"}},
            **arguments,
        }
    )
    model.set_place_levels(DistanceLevels(3 * torch.eye(PLACES, dtype=torch.int8), 3))
    return model


def batch() -> dict[str, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (2, PLACES, 3, 64, 64), generator=generator, dtype=torch.uint8)
    numbers = {view: torch.arange(PLACES) for view in VIEWS}
    inputs = dict(zip(VIEWS, images, strict=True))
    return {"inputs": inputs, "places": numbers, "rows": numbers}


def test_the_second_pass_leaves_no_trace_in_the_retriever() -> None:
    model = retriever(miner={"type": "GlobalMining"})
    once = copy.deepcopy(model)
    wrapper = wrapper_of(model, rho=0.5)
    with DefaultScope.overwrite_default_scope("geoloc"):
        log = model.train_step(batch(), wrapper)
    once(**once.data_preprocessor(batch(), True), mode="loss")
    buffers = dict(once.named_buffers())
    for name, value in model.named_buffers():
        torch.testing.assert_close(value, buffers[name], msg=name)
    assert set(log) == {"loss", "loss_triplet", "loss_miner"}
    before = dict(once.named_parameters())
    assert all(not torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert model.miner.recording


def test_it_is_built_by_name_with_learning_rates_per_part() -> None:
    model = retriever()
    with DefaultScope.overwrite_default_scope("geoloc"):
        wrapper = build_optim_wrapper(
            model,
            {
                "type": "SharpnessAwareOptimWrapper",
                "constructor": "PartwiseOptimWrapperConstructor",
                "rho": 1.5,
                "optimizer": {"type": "AdamW", "lr": 1e-4},
                "paramwise_cfg": {"backbone": {"lr": 1e-5}},
            },
        )
    assert isinstance(wrapper, SharpnessAwareOptimWrapper)
    assert wrapper.rho == 1.5
    assert sorted(group["lr"] for group in wrapper.optimizer.param_groups) == [1e-5, 1e-4]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"rho": 0.0}, "rho=0.0 must be positive"), ({"accumulative_counts": 2}, "counts=2")],
)
def test_what_cannot_work_is_named(options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        wrapper_of(nn.Linear(1, 1), **options)


def test_a_step_without_its_forward_pass_is_refused() -> None:
    model = Objective(lambda w, v: w.square().sum(), torch.ones(2), torch.ones(2))
    wrapper = wrapper_of(model)
    model.train_step({}, wrapper)
    with pytest.raises(RuntimeError, match="inside optim_context"):
        wrapper.update_params(model.w.sum())


def test_a_miner_that_mines_from_its_memory_is_refused() -> None:
    model = retriever(miner={"type": "DOCB"})
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper_of(model))
    with pytest.raises(ConfigError, match=r"model\.miner=DOCB mines from what it remembers"):
        MinerHook().before_train(runner)


def test_reduced_precision_does_not_replace_it() -> None:
    cfg = ConfigDict(optim_wrapper={"type": "SharpnessAwareOptimWrapper"})
    with pytest.raises(ConfigError, match=r"amp=True would replace optim_wrapper\.type='Sharp"):
        enable_amp(cfg)

import numpy as np
import pytest
import torch
from torch import nn

from geoloc.engine.hooks import BackboneWarmupHook
from geoloc.engine.optim import PartwiseCosineLR, PartwiseOptimWrapperConstructor
from geoloc.errors import ConfigError


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Linear(3, 3)
        self.head = nn.Linear(3, 2)
        self.losses = nn.ModuleDict({"clustering": nn.Linear(2, 5), "other": nn.Linear(2, 5)})


def build(parts: dict[str, dict[str, float]]) -> tuple[Model, torch.optim.Optimizer]:
    model = Model()
    cfg = {"optimizer": {"type": "Adam", "lr": 1e-4, "weight_decay": 1e-4}}
    wrapper = PartwiseOptimWrapperConstructor(cfg, parts)(model)
    return model, wrapper.optimizer


def test_every_parameter_has_the_options_of_its_part() -> None:
    parts = {"backbone": {"lr": 5e-5}, "losses.clustering": {"lr": 10.0, "weight_decay": 0.0}}
    model, optimizer = build(parts)
    options = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert len(options) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        expected = (1e-4, 1e-4)
        if name.startswith("backbone."):
            expected = (5e-5, 1e-4)
        if name.startswith("losses.clustering."):
            expected = (10.0, 0.0)
        assert options[id(parameter)] == expected, name


def test_a_part_that_fits_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'losses.clusterin'.*fits no parameter.*backbone"):
        build({"losses.clusterin": {"lr": 1.0}})


def test_schedule_is_the_official_one(golden) -> None:
    vectors = golden("hr_lr_schedule")
    cases = sorted(key.removesuffix("_lr_per_epoch") for key in vectors if "per_epoch" in key)
    assert cases
    for case in cases:
        horizon, warmup, epochs, lr, floor = vectors[f"{case}_params_T_w_epochs_lr_etamin"]
        _, optimizer = build({"backbone": {"lr": float(lr), "eta_min": float(floor)}})
        backbone = next(group for group in optimizer.param_groups if "eta_min" in group)
        schedule = PartwiseCosineLR(optimizer, T_max=int(horizon), begin=int(warmup), eta_min=0.0)
        seen = []
        for _ in range(int(epochs)):
            seen.append(backbone["lr"])
            optimizer.step()
            schedule.step()
        np.testing.assert_allclose(seen, vectors[f"{case}_lr_per_epoch"], atol=1e-9, rtol=0)


def test_each_group_anneals_to_its_own_end() -> None:
    _, optimizer = build({"losses.clustering": {"lr": 10.0, "eta_min": 0.1}})
    schedule = PartwiseCosineLR(optimizer, T_max=4, eta_min=0.0)
    for _ in range(4):
        optimizer.step()
        schedule.step()
    ends = {group.get("eta_min", 0.0): group["lr"] for group in optimizer.param_groups}
    assert ends == pytest.approx({0.0: 0.0, 0.1: 0.1})


def test_backbone_rests_during_warm_up() -> None:
    model, optimizer = build({})

    class Runner:
        epoch = 0

    runner = Runner()
    runner.model, runner.optim_wrapper = model, type("W", (), {"optimizer": optimizer})
    BackboneWarmupHook(epochs=1).before_train(runner)

    def step() -> tuple[bool, bool]:
        before = [model.backbone.weight.clone(), model.head.weight.clone()]
        model.head(model.backbone(torch.ones(2, 3))).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        return tuple(
            not torch.equal(old, part.weight)
            for old, part in zip(before, (model.backbone, model.head), strict=True)
        )

    assert step() == (False, True)
    assert not optimizer.state[model.backbone.weight]  # no moments gathered while resting
    runner.epoch = 1
    assert step() == (True, True)

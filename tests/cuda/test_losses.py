import copy

import pytest
import torch
import torch.nn.functional as F

from geoloc.models.losses import MultiScaleClassLoss
from geoloc.registry import LOSSES
from tests.losses import test_class_losses as class_losses
from tests.losses import test_pair_losses as pair_losses


def descriptors(rows, seed):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, 16, generator=generator, dtype=torch.float64))


def value_and_gradients(loss, inputs, *others):
    inputs = [rows.clone().requires_grad_() for rows in inputs]
    value = loss(*inputs, *others)
    value.backward()
    parameters = [each.grad for each in loss.parameters() if each.grad is not None]
    return [part.cpu() for part in (value.detach(), *(each.grad for each in inputs), *parameters)]


def assert_equal(found, want, rtol, atol):
    assert len(found) == len(want)
    for one, other in zip(found, want, strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", pair_losses.LOSS_CONFIGS)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-9), (torch.float32, 2e-4)])
def test_pair_losses(name, dtype, rtol, cuda):
    torch.manual_seed(0)
    loss = LOSSES.build(pair_losses.LOSS_CONFIGS[name]).to(dtype)
    generator = torch.Generator().manual_seed(2)
    levels = torch.randint(0, 4, (12, 15), generator=generator, dtype=torch.int8)
    sides = descriptors(12, seed=0).to(dtype), descriptors(15, seed=1).to(dtype)
    want = value_and_gradients(loss, sides, levels)
    loss.zero_grad()
    found = value_and_gradients(loss.to(cuda), [side.to(cuda) for side in sides], levels.to(cuda))
    assert_equal(found, want, rtol, rtol / 100)


@pytest.mark.parametrize("name", pair_losses.LOSS_CONFIGS)
def test_pair_losses_of_half_precision_descriptors_are_computed_in_float32(name, cuda):
    torch.manual_seed(0)
    loss = LOSSES.build(pair_losses.LOSS_CONFIGS[name])
    levels = 3 * torch.eye(8, dtype=torch.int8)
    sides = [descriptors(8, seed).half() for seed in (0, 1)]
    want = loss(*(side.float() for side in sides), levels)
    with torch.autocast("cuda", dtype=torch.float16):
        found = loss.to(cuda)(*(side.to(cuda) for side in sides), levels.to(cuda))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.cpu(), want, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", class_losses.LOSS_CONFIGS)
def test_class_losses(name, cuda):
    torch.manual_seed(0)
    loss = LOSSES.build(class_losses.LOSS_CONFIGS[name]).double()
    on_gpu = copy.deepcopy(loss).to(cuda)
    for each in (loss, on_gpu):
        if hasattr(each, "set_place_levels"):
            has_tree = isinstance(each, MultiScaleClassLoss)
            levels = class_losses.tree_levels() if has_tree else class_losses.random_levels()
            each.set_place_levels(levels.to(next(each.parameters()).device))
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(6, *loss.embedding_shape, generator=generator, dtype=torch.float64)
    labels = class_losses.LABELS
    want = value_and_gradients(loss, [rows], labels)
    found = value_and_gradients(on_gpu, [rows.to(cuda)], labels.to(cuda))
    assert_equal(found, want, 1e-9, 1e-11)

import numpy as np
import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.registry import HEADS, LOSSES


def build(**arguments):
    return HEADS.build({"type": "BottleneckHead", **arguments})


def golden_head(arrays):
    head = build(in_dims=12, embed_dims=8, num_parts=4, dropout=0.0)
    prefix = "sd_classifier"
    state = {
        f"parts.{key[len(prefix)]}.{key.split('__')[2]}.{key.split('__')[3]}": torch.tensor(value)
        for key, value in arrays.items()
        if key.startswith(prefix) and "add_block" in key
    }
    head.load_state_dict(state)
    return head


def golden_loss(arrays):
    loss = LOSSES.build({"type": "InstanceLoss", "num_places": 7, "embed_dims": 8, "num_parts": 4})
    with torch.no_grad():
        for part in range(4):
            name = f"sd_classifier{part}__classifier__0__"
            loss.weight[part] = torch.from_numpy(arrays[name + "weight"])
            loss.bias[part] = torch.from_numpy(arrays[name + "bias"])
    return loss


def test_evaluation_matches_the_official_model(golden):
    arrays = golden("cv_lpn_head")
    head = golden_head(arrays).eval()
    embedding = head(torch.from_numpy(arrays["feat"]))
    np.testing.assert_allclose(embedding.detach(), arrays["bottleneck_eval"], rtol=0, atol=1e-5)
    logits = golden_loss(arrays).logits(embedding).detach().permute(1, 2, 0)
    np.testing.assert_allclose(logits, arrays["logits_eval"], rtol=0, atol=1e-5)
    flipped = head(torch.from_numpy(arrays["feat_flip"]))
    descriptor = head.descriptor(embedding + flipped).detach()
    np.testing.assert_allclose(descriptor, arrays["desc_test"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(descriptor.norm(dim=1), 1, rtol=1e-6)


def test_a_training_step_matches_the_official_model(golden):
    arrays = golden("cv_lpn_head")
    head, loss = golden_head(arrays), golden_loss(arrays)
    features = torch.from_numpy(arrays["feat"]).requires_grad_()
    embedding = head(features)
    logits = loss.logits(embedding).detach().permute(1, 2, 0)
    np.testing.assert_allclose(logits, arrays["logits_train"], rtol=0, atol=1e-5)
    np.testing.assert_array_equal(
        logits.softmax(dim=1).sum(dim=2).argmax(dim=1), arrays["preds_train"]
    )
    value = loss(embedding, torch.from_numpy(arrays["labels"]))
    value.backward()
    assert value.item() == pytest.approx(float(arrays["loss_train"]), rel=1e-6)
    np.testing.assert_allclose(features.grad, arrays["grad_feat"], rtol=0, atol=1e-6)
    for key, name in (("mean", "running_mean"), ("var", "running_var")):
        running = torch.stack([getattr(part[1], name) for part in head.parts])
        np.testing.assert_allclose(running, arrays[f"bn_running_{key}_after"], rtol=0, atol=1e-6)


def test_one_part_takes_and_returns_vectors():
    head = build(in_dims=6, embed_dims=4)
    parts = build(in_dims=6, embed_dims=4, num_parts=2)
    parts.parts[1].load_state_dict(head.parts[0].state_dict())
    for module in (head, parts):
        module.eval()
    features = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    embedding = head(features)
    assert embedding.shape == (3, 4)
    both = parts(torch.stack([2 * features, features], dim=2))
    torch.testing.assert_close(both[:, :, 1], embedding)
    torch.testing.assert_close(
        head.descriptor(embedding), embedding / embedding.norm(dim=1, keepdim=True)
    )


def test_every_part_has_the_same_weight_in_a_descriptor():
    head = build(in_dims=6, embed_dims=4, num_parts=3)
    embedding = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(1))
    rescaled = head.descriptor(embedding * torch.tensor([1.0, 50.0, 0.01]))
    torch.testing.assert_close(rescaled, head.descriptor(embedding))
    one, other = embedding[:2].double()
    cosines = torch.cosine_similarity(one, other, dim=0)
    similarity = head.descriptor(one[None]) @ head.descriptor(other[None]).T
    assert similarity.item() == pytest.approx(cosines.mean().item(), rel=1e-12)


def test_parts_start_as_in_the_official_code():
    torch.manual_seed(0)
    head = build(in_dims=300, embed_dims=200, num_parts=2)
    for linear, norm, dropout in head.parts:
        assert linear.weight.std().item() == pytest.approx((2 / 200) ** 0.5, rel=0.02)
        assert (linear.bias == 0).all()
        assert norm.weight.mean().item() == pytest.approx(1, abs=0.01)
        assert norm.weight.std().item() == pytest.approx(0.02, rel=0.2)
        assert (norm.bias == 0).all()
        assert dropout.p == 0.5
    assert not torch.equal(head.parts[0][0].weight, head.parts[1][0].weight)


def test_dropout_acts_in_training_only():
    head = build(in_dims=6, embed_dims=64, dropout=0.75)
    features = torch.randn(8, 6, generator=torch.Generator().manual_seed(2))
    torch.manual_seed(0)
    dropped = (head(features) == 0).float().mean().item()
    assert 0.65 < dropped < 0.85
    assert (head.eval()(features) != 0).all()


def test_descriptors_are_float32_of_unit_length_inside_autocast():
    head = build(in_dims=32, embed_dims=48, num_parts=2).eval()
    features = torch.randn(64, 32, 2, generator=torch.Generator().manual_seed(3))
    with torch.autocast("cpu", torch.bfloat16):
        descriptor = head.descriptor(head(features))
    assert descriptor.dtype == torch.float32
    assert (descriptor.norm(dim=1) - 1).abs().max() < 1e-6
    assert head.descriptor(torch.zeros(2, 48, 2)).isfinite().all()


@pytest.mark.parametrize(
    ("num_parts", "shape"), [(1, (4, 31)), (1, (4, 32, 1)), (3, (4, 32)), (3, (4, 32, 2))]
)
def test_features_of_another_shape_are_named(num_parts, shape):
    head = build(in_dims=32, embed_dims=8, num_parts=num_parts)
    with pytest.raises(ValueError, match=r"pooled features \[N, 32.*set in_dims") as error:
        head(torch.zeros(shape))
    assert str(list(shape)) in str(error.value)


@pytest.mark.parametrize(
    "arguments", [{"in_dims": 0}, {"embed_dims": 0}, {"num_parts": 0}, {"dropout": 1.0}], ids=str
)
def test_impossible_settings_are_named(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ConfigError, match=f"{name}={value}"):
        build(**{"in_dims": 4, **arguments})

import pytest
import torch
from mmpretrain.models.backbones import VGG

from geoloc.errors import ConfigError
from geoloc.models.backbones.dropout_vgg import DropoutVGG


def test_it_is_vgg_but_for_dropout_in_training() -> None:
    torch.manual_seed(0)
    network, plain = DropoutVGG(depth=11), VGG(depth=11)
    plain.load_state_dict(network.state_dict())  # same names
    images = torch.randn(2, 3, 64, 64)
    for each in (network, plain):
        each.eval()
    torch.testing.assert_close(network(images), plain(images))
    network.train()
    (one,), (other,) = network(images), network(images)
    assert not torch.equal(one, other)
    network.dropout_stages = frozenset()
    torch.testing.assert_close(network(images), plain(images))


def test_values_are_dropped_behind_the_convolutions_of_the_stages() -> None:
    torch.manual_seed(0)
    network = DropoutVGG(depth=11, dropout=0.5, dropout_stages=(5,), with_last_pool=False)
    images = torch.randn(1, 3, 128, 128)
    network.train()
    (features,) = network(images)
    network.eval()
    (kept,) = network(images)
    assert (features == 0).float().mean() > (kept == 0).float().mean() + 0.1


def test_two_streams_have_the_cost_of_the_paper() -> None:
    network = DropoutVGG(depth=16)
    assert sum(parameter.numel() for parameter in network.parameters()) == 14_714_688
    with torch.device("meta"):
        (features,) = DropoutVGG(depth=16)(torch.empty(1, 3, 128, 512))
    assert features.shape == (1, 512, 4, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"dropout": 1.0}, "dropout=1.0 must be in 0"), ({"dropout_stages": (6,)}, r"\[6\] are not")],
)
def test_what_cannot_work_is_named(options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        DropoutVGG(depth=11, **options)

import pytest
import torch
import torch.nn.functional as F

from geoloc.errors import ConfigError
from geoloc.models.necks.msfa import MSFA

SMALL = {"in_channels": 6, "positions": 12}


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_head_has_the_parameters_of_the_cost_table() -> None:
    # 38,902,144 for two streams, of which a VGG16 conv stack has 14,714,688.
    assert 2 * (14_714_688 + parameters(MSFA())) == 38_902_144
    attention = parameters(MSFA(fusion="attention_summation")) - parameters(MSFA())
    assert attention == 512 * 32 + 2 * 32 + 32 * 2048 + 2048


@pytest.mark.parametrize("fusion", ["summation", "concatenate", "attention_summation"])
@pytest.mark.parametrize("parallel", [True, False])
def test_it_is_the_sum_of_normalised_embeddings(fusion, parallel) -> None:
    torch.manual_seed(0)
    neck = MSFA(**SMALL, fusion=fusion, parallel=parallel).double().eval()
    features = torch.randn(2, 6, 3, 4).double()
    output = neck(features)
    embeddings = []
    for branch, maps in zip(neck.branches, neck.maps, strict=True):
        scale = branch(features)
        weights = maps(scale.flatten(2))
        for d in range(2):
            embedding = (scale.flatten(2) * weights[:, d, None, :]).sum(dim=2)
            embeddings.append(embedding / embedding.norm(dim=1, keepdim=True))
    assert len(embeddings) == (4 if parallel else 2)
    if fusion == "summation":
        expected = sum(embeddings)
    elif fusion == "concatenate":
        expected = torch.cat(embeddings, dim=1)
    else:
        hidden = neck.fuse.squeeze(sum(embeddings))
        scores = neck.fuse.excite(hidden).view(2, len(embeddings), 6)
        share = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
        expected = sum(share[:, e] * embedding for e, embedding in enumerate(embeddings))
    torch.testing.assert_close(output, expected)


def test_dilation_is_a_wider_view() -> None:
    torch.manual_seed(0)
    for dilations, reach in (((1, 1), 1), ((1, 2), 2), ((3,), 3)):
        neck = MSFA(4, positions=81, dilations=dilations)
        features = torch.randn(1, 4, 9, 9, requires_grad=True)
        centre = sum(branch(features)[0, :, 4, 4].sum() for branch in neck.branches)
        (gradient,) = torch.autograd.grad(centre, features)
        rows = gradient.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
        assert rows.min().item() >= 4 - reach
        assert rows.max().item() <= 4 + reach


def test_a_chain_sees_what_both_see() -> None:
    torch.manual_seed(0)
    neck = MSFA(**SMALL, parallel=False, maps_per_branch=1, fusion="none")
    first, _, second, _ = neck.branches[0]
    features = torch.randn(2, 6, 3, 4)
    expected = F.relu(F.conv2d(features, first.weight, first.bias, padding=1))
    expected = F.relu(F.conv2d(expected, second.weight, second.bias, padding=2, dilation=2))
    torch.testing.assert_close(neck.branches[0](features), expected)
    assert neck(features).shape == (2, 6)


def test_without_normalisation_maps_of_one_branch_are_one_map() -> None:
    # The degeneracy that normalisation is there against.
    torch.manual_seed(0)
    neck = MSFA(**SMALL, dilations=(1,), normalize=False).double()
    features = torch.randn(2, 6, 3, 4).double()
    scale = neck.branches[0](features).flatten(2)
    together = neck.maps[0](scale).sum(dim=1)
    torch.testing.assert_close(neck(features), (scale * together[:, None]).sum(dim=2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fusion": "sum"}, "fusion='sum' must be one of none, concatenate"),
        ({"fusion": "none"}, "leaves 4 embeddings"),
        ({"dilations": ()}, r"dilations=\(\)"),
        ({"maps_per_branch": 0}, "maps_per_branch=0"),
    ],
)
def test_what_cannot_work_is_named(changes, message) -> None:
    with pytest.raises(ConfigError, match=message):
        MSFA(**SMALL, **changes)

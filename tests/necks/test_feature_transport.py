import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.necks.feature_transport import FeatureTransport, sinkhorn


@pytest.mark.parametrize("iterations", [5, 20])
def test_sinkhorn_equals_the_official_code(golden, iterations) -> None:
    vectors = golden("cv_cvft_sinkhorn")
    plan = sinkhorn(torch.from_numpy(vectors["log_alpha"]), iterations)
    expected = torch.from_numpy(vectors[f"out_iters{iterations}"])
    torch.testing.assert_close(plan, expected, rtol=1e-5, atol=1e-5)


def test_a_plan_moves_all_of_every_position() -> None:
    torch.manual_seed(0)
    plan = sinkhorn(3 * torch.randn(2, 6, 6).double(), 200)
    ones = torch.ones(2, 6).double()
    torch.testing.assert_close(plan.sum(dim=1), ones)
    torch.testing.assert_close(plan.sum(dim=2), ones, rtol=1e-6, atol=1e-6)
    assert (plan >= 0).all()


def test_the_map_is_multiplied_by_the_plan() -> None:
    torch.manual_seed(0)
    neck = FeatureTransport(4, size=(2, 3), channels=5).double()
    features = torch.randn(2, 4, 4, 6).double()
    reduced = neck.reduce(features).relu()
    cost = neck.cost(neck.score(reduced).flatten(1)).view(2, 6, 6)
    plan = sinkhorn(-100 * cost, 20)
    output = neck(features).view(2, 5, 6)
    for image in range(2):
        for channel in range(5):
            for to in range(6):
                moved = sum(
                    reduced[image, channel].flatten()[p] * plan[image, p, to] for p in range(6)
                )
                assert output[image, channel, to].item() == pytest.approx(moved.item())


def test_a_branch_without_transport_only_resizes() -> None:
    torch.manual_seed(0)
    neck = FeatureTransport(4, size=(3, 3), channels=5, transport=False)
    features = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(neck(features), neck.reduce(features).relu().flatten(1))
    assert neck(torch.randn(2, 4, 12, 20)).shape == (2, 45)
    assert {name for name, _ in neck.named_parameters()} == {"reduce.weight", "reduce.bias"}


def test_sizes_must_be_positive() -> None:
    with pytest.raises(ConfigError, match=r"size=\(0, 8\)"):
        FeatureTransport(4, size=(0, 8))

import numpy as np
import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.gps_noise import GpsNoise

METRES = 6371000 * np.pi / 180


def displacements(noise: GpsNoise, lat: float, count: int = 20_000) -> tuple[np.ndarray, ...]:
    """The noise of batch and queue in metres to the north and east."""
    start = torch.tensor([[lat, 20.0]], dtype=torch.float64).repeat(count, 1)
    metres = METRES * np.array([1.0, np.cos(np.radians(lat))])
    return tuple((part - start).numpy() * metres for part in noise(start, start))


@pytest.mark.parametrize("lat", [0.0, 60.0, -80.0])
def test_noise_has_its_deviation_in_metres_at_every_latitude(lat: float) -> None:
    torch.manual_seed(0)
    for metres, moved in zip((150, 1000), displacements(GpsNoise(), lat), strict=True):
        np.testing.assert_allclose(moved.std(axis=0), metres, rtol=0.03)
        assert (np.abs(moved.mean(axis=0)) < 0.03 * metres).all()
        assert abs(np.corrcoef(moved.T)[0, 1]) < 0.03


def test_official_noise_shrinks_to_the_east() -> None:
    torch.manual_seed(0)
    batch, _ = displacements(GpsNoise(official=True), 60.0)
    expected = 150 * METRES / 111_320
    np.testing.assert_allclose(batch.std(axis=0), [expected, expected / 2], rtol=0.03)


def test_edges_of_the_map_are_not_crossed() -> None:
    edges = torch.tensor([[90.0, 180.0], [-90.0, -180.0], [0.0, 180.0]] * 500).double()
    for official in (False, True):
        for moved in GpsNoise(batch_m=5e4, queue_m=5e5, official=official)(edges, edges):
            assert torch.isfinite(moved).all()
            assert (moved.abs() <= torch.tensor([90.0, 180.0])).all()
        assert (moved[2::3, 1] < 0).any()  # wrapped to the other side


def test_noise_is_a_function_of_seed_and_step() -> None:
    here = torch.zeros(4, 2, dtype=torch.float64)
    torch.manual_seed(3)
    noise = GpsNoise()
    torch.manual_seed(3)
    twin = GpsNoise()
    torch.manual_seed(99)  # what happens later in the process plays no part
    first, second = noise(here, here)[0], noise(here, here)[0]
    assert torch.equal(twin(here, here)[0], first)
    assert not torch.equal(first, second)
    resumed = GpsNoise()
    resumed.load_state_dict(twin.state_dict())
    assert torch.equal(resumed(here, here)[0], second)
    untouched, _ = GpsNoise(batch_m=0)(here, here)
    assert torch.equal(untouched, here)


def test_negative_metres_are_refused() -> None:
    with pytest.raises(ConfigError, match="batch_m=-1"):
        GpsNoise(batch_m=-1)

import numpy as np
import torch

from geoloc.geo import geodesic_distance
from geoloc.geo.great_circle import (
    METRES_PER_DEGREE,
    great_circle_km,
    on_earth,
    step_metres,
    uniform_on_sphere,
)


def test_distances_are_those_of_the_sphere() -> None:
    torch.manual_seed(0)
    here, there = uniform_on_sphere(20), uniform_on_sphere(30)
    ours = great_circle_km(here[:, None], there).numpy()
    sphere = geodesic_distance(here, there, method="haversine") / 6371008.8 * 6371.0
    np.testing.assert_allclose(ours, sphere, rtol=1e-9)
    antipodes = here * torch.tensor([-1, 1]) + torch.tensor([0, 180])
    np.testing.assert_allclose(great_circle_km(here, on_earth(antipodes)), np.pi * 6371)


def test_a_step_has_its_length_and_stays_on_earth() -> None:
    start = torch.tensor([[0.0, 0.0], [60.0, 10.0], [-45.0, 180.0], [10.0, -180.0]]).double()
    for metres in ([300.0, 400.0], [-300.0, -400.0]):
        end = step_metres(start, torch.tensor([metres] * 4).double())
        assert (end.abs() <= torch.tensor([90.0, 180.0])).all()
        distance = great_circle_km(start, end)
        np.testing.assert_allclose(distance, 0.5, rtol=1e-3)
    pole = step_metres(torch.tensor([[89.9999, 7.0], [90.0, 7.0]]).double(), torch.ones(2, 2) * 5e4)
    assert (pole[:, 0] == 90).all()
    assert (pole[:, 1].abs() <= 180).all()
    assert abs(METRES_PER_DEGREE - 6371000 * np.pi / 180) < 1e-9


def test_what_is_on_earth_is_left_alone() -> None:
    inside = torch.tensor([[90.0, 180.0], [-90.0, -180.0], [0.1, 0.2]])
    assert torch.equal(on_earth(inside), inside)
    outside = on_earth(torch.tensor([[91.0, 181.0], [-100.0, -540.5]]))
    torch.testing.assert_close(outside, torch.tensor([[90.0, -179.0], [-90.0, 179.5]]))


def test_uniform_positions_fill_the_sphere_by_area() -> None:
    torch.manual_seed(0)
    lat, lon = uniform_on_sphere(20_000).unbind(-1)
    assert abs(float((lat.abs() > 30).double().mean()) - 0.5) < 0.02  # half the area of the Earth
    assert abs(float((lon > 90).double().mean()) - 0.25) < 0.02
    assert lat.dtype == torch.float64

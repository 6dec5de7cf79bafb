import numpy as np
import pytest
import torch

from geoloc.geo.equal_earth import SCALE, equal_earth, unit_sphere


def test_projection_is_that_of_proj_and_of_geoclip(golden) -> None:
    vectors = golden("gg_equal_earth")
    assert float(vectors["SF"]) / 180 == SCALE
    latlon = torch.from_numpy(vectors["latlon_deg"])
    exact = equal_earth(latlon)
    assert exact.dtype == torch.float64
    np.testing.assert_allclose(exact, vectors["xy_pyproj_f64"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(exact, vectors["xy_official_f64"], rtol=0, atol=2e-8)
    single = equal_earth(latlon.float())
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, vectors["xy_official_f32"], rtol=0, atol=2e-7)
    np.testing.assert_allclose(single, exact, rtol=0, atol=2e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_poles_and_antimeridian_are_the_edges_of_the_map(dtype: torch.dtype) -> None:
    corners = [(90.0, 180.0), (90.0, -180.0), (-90.0, 180.0), (0.0, 180.0), (0.0, -180.0)]
    latlon = torch.tensor(corners, dtype=dtype, requires_grad=True)
    plane = equal_earth(latlon)
    (gradient,) = torch.autograd.grad(plane.sum(), latlon)
    assert torch.isfinite(plane).all()
    assert torch.isfinite(gradient).all()
    plane = plane.detach().double()
    assert plane[3].tolist() == pytest.approx([1, 0], abs=2e-7)
    torch.testing.assert_close(plane[3], -plane[4], atol=1e-7, rtol=0)
    assert plane[:3, 1].tolist() == pytest.approx([0.48672, 0.48672, -0.48672], abs=1e-5)
    assert float(plane[0, 0] - plane[1, 0]) == pytest.approx(1.18, abs=0.01)  # of 2 at the equator


def test_the_sphere_has_no_edges() -> None:
    latlon = torch.tensor([[12.0, 180.0], [12.0, -180.0], [90.0, 30.0], [90.0, -150.0]]).double()
    points = unit_sphere(latlon)
    torch.testing.assert_close(points[0], points[1], atol=1e-15, rtol=0)
    torch.testing.assert_close(points[2], points[3], atol=1e-15, rtol=0)
    torch.testing.assert_close(points.norm(dim=1), torch.ones(4).double())
    expected = torch.tensor([[0.0, 1.0, 0.0]]).double()
    torch.testing.assert_close(unit_sphere(torch.tensor([[0.0, 90.0]]).double()), expected)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloc.geo.unit_sphere import latlon_of, unit_vectors


@given(st.floats(-89.9, 89.9), st.floats(-180, 179.999), st.floats(0.1, 10))
def test_a_vector_of_any_length_leads_back_to_its_position(
    lat: float, lon: float, length: float
) -> None:
    vectors = unit_vectors(np.array([[lat, lon]]))
    assert np.linalg.norm(vectors) == pytest.approx(1, abs=1e-12)
    assert latlon_of(length * vectors)[0] == pytest.approx([lat, lon], abs=1e-9)


def test_axes_point_to_longitude_zero_east_and_north() -> None:
    axes = unit_vectors(np.array([[0.0, 0.0], [0.0, 90.0], [90.0, 17.0]]))
    np.testing.assert_allclose(axes, np.eye(3), atol=1e-15)

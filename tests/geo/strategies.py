"""Places as datasets have them and where geometry is hard: clustered, doubled, at the edges."""

import numpy as np
from hypothesis import strategies as st

CENTRES = [
    (30.0, 114.0),
    (0.0, -0.001),
    (65.0, 179.999),
    (-20.0, -180.0),
    (90.0, 0.0),
    (-90.0, 7.0),
]


@st.composite
def campuses(draw, most=40):
    """Return (lat, lon) ``[C,2]`` around some of the centres, with places of one position."""
    count = draw(st.integers(1, most))
    centres = np.array(draw(st.lists(st.sampled_from(CENTRES), min_size=1, max_size=3)))
    generator = np.random.default_rng(draw(st.integers(0, 9999)))
    spread_m = draw(st.sampled_from([5.0, 300.0, 5000.0]))
    own = centres[generator.integers(len(centres), size=count)]
    offset = generator.normal(size=(count, 2)) * spread_m / 111_195
    offset[:, 1] /= np.maximum(np.cos(np.radians(own[:, 0])), 1e-3)
    latlon = own + offset
    beyond = np.abs(latlon[:, 0]) > 90  # over the pole and down on the other side
    latlon[beyond, 0] = np.sign(latlon[beyond, 0]) * 180 - latlon[beyond, 0]
    latlon[beyond, 1] += 180
    latlon[:, 1] = (latlon[:, 1] + 180) % 360 - 180
    return latlon[generator.integers(count, size=count)] if draw(st.booleans()) else latlon

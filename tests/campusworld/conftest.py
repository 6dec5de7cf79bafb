"""Small worlds and scenes shared by the CampusWorld tests."""

from pathlib import Path

import numpy as np
import pytest

from geoloc.campusworld import WorldSpec, write_campusworld
from geoloc.campusworld.campus import Campus, make_campus
from geoloc.campusworld.light import cast_shadows, draw_light, sky_share
from geoloc.campusworld.raymarch import build_beam_map, build_pyramid
from geoloc.campusworld.scene import Scene
from geoloc.campusworld.spec import plan_campuses

TINY = {"places": (8, 4), "views": 2, "image_size": 32, "progress": False}


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a finished world of 12 places; tests must not change it."""
    return write_campusworld(tmp_path_factory.mktemp("tiny") / "world", **TINY)


@pytest.fixture(scope="session")
def campus() -> Campus:
    """Return a campus with 10 places at 1 m cells."""
    spec = WorldSpec(seed=3, train_places=20, test_places=1, views=4, image_size=64)
    return make_campus(spec, next(iter(plan_campuses(spec))))


def block_scene(heights: np.ndarray, cell_m: float = 1.0) -> Scene:
    """Return a scene with nothing but a height map, under a fixed sun."""
    light = draw_light(np.random.default_rng(0), overhead=True)
    pyramid = build_pyramid(heights.astype(np.float32))
    size = len(heights)
    return Scene(
        heights=pyramid[: size * size].reshape(size, size),
        colours=np.full((size, size, 4), 128, dtype=np.uint8) * np.array([1, 1, 1, 0], np.uint8),
        owners=np.zeros((size, size), dtype=np.uint16),
        pyramid=pyramid,
        beam_map=build_beam_map(pyramid, size, cell_m),
        sky=sky_share(heights.astype(np.float32)),
        ceiling=cast_shadows(heights.astype(np.float32), light.sun_direction),
        frames=np.zeros((1, 4)),
        facades=np.zeros((1, 12)),
        light=light.packed(),
        cell_m=cell_m,
        coarse_m=1.0,
        top=float(heights.max()),
    )

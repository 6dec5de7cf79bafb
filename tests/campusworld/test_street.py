"""The street's view: rays that rise, directions, and where cars can stand."""

import numpy as np
import pytest

from geoloc.campusworld.campus import SATELLITE, Campus
from geoloc.campusworld.raymarch import GROUND_BEYOND, SKY, TOP, WALL, first_hit
from geoloc.campusworld.scene import Scene
from geoloc.campusworld.spec import WorldSpec, random_stream
from geoloc.campusworld.street import CAMERA_M, render_panorama, street_positions
from geoloc.errors import ConfigError

from .conftest import block_scene

SIZE = 256


@pytest.fixture(scope="module")
def town() -> Scene:
    """Return a plain with random blocks of up to 30 m around a free square."""
    rng = np.random.default_rng(4)
    heights = np.zeros((SIZE, SIZE))
    for _ in range(160):
        i, j = rng.integers(0, SIZE - 12, 2)
        a, b = rng.integers(2, 12, 2)
        heights[i : i + a, j : j + b] = rng.uniform(1, 30)
    heights[110:146, 110:146] = 0
    return block_scene(heights)


def slow_hit(scene: Scene, origin: np.ndarray, direction: np.ndarray) -> tuple[int, float]:
    """Walk along a ray in tiny steps, until it is in something, in the sky, or off the map."""
    for t in np.arange(0.0, 600.0, 0.005):
        x, y, z = origin + t * direction
        if z > scene.top:
            return SKY, t
        if not (0 <= x < SIZE and 0 <= y < SIZE):
            return (SKY if direction[2] >= 0 else GROUND_BEYOND), t
        height = scene.heights[int(y), int(x)]
        if z <= height:
            return (WALL if height > 0 and z < height - 0.02 else TOP), t
    return SKY, 600.0


def test_rays_from_the_street_agree_with_a_slow_march(town: Scene) -> None:
    rng = np.random.default_rng(1)
    origin = np.array([128.3, 127.6, CAMERA_M])
    kinds = set()
    for azimuth, elevation in zip(
        rng.uniform(0, 2 * np.pi, 60), rng.uniform(-0.6, 0.9, 60), strict=True
    ):
        level = np.cos(elevation)
        direction = np.array([level * np.sin(azimuth), level * np.cos(azimuth), np.sin(elevation)])
        kind, t, i, j = first_hit(town, tuple(origin), tuple(direction), 0.0)
        slow_kind, slow_t = slow_hit(town, origin, direction)
        assert (kind == SKY) == (slow_kind == SKY)
        kinds.add(kind)
        if kind in (WALL, TOP):
            assert t == pytest.approx(slow_t, abs=0.02)
            x, y, z = origin + t * direction
            assert z <= town.heights[i, j] + 1e-3
            assert abs(i - y) <= 1.01
            assert abs(j - x) <= 1.01
    assert {SKY, WALL, TOP} <= kinds


def test_a_level_ray_reaches_a_wall() -> None:
    heights = np.zeros((64, 64))
    heights[:, 50:52] = 10
    scene = block_scene(heights)
    kind, t, i, j = first_hit(scene, (20.5, 30.5, 2.0), (1.0, 0.0, 0.0), 0.0)
    assert (kind, i, j) == (WALL, 30, 50)
    assert t == pytest.approx(29.5, abs=1e-3)
    assert first_hit(scene, (20.5, 30.5, 2.0), (-1.0, 0.0, 0.0), 0.0)[0] == SKY
    assert first_hit(scene, (20.5, 30.5, 12.0), (1.0, 0.0, 0.0), 0.0)[0] == SKY


SPEC = WorldSpec(seed=3, train_places=20, test_places=1, views=4, image_size=64)


def test_cars_stand_on_free_streets(campus: Campus) -> None:
    positions = street_positions(random_stream(3, 0, view=2), campus, 12, 150.0, 20.0)
    again = street_positions(random_stream(3, 0, view=2), campus, 12, 150.0, 20.0)
    np.testing.assert_array_equal(positions, again)
    scene = campus.scenes[SATELLITE]
    centre = campus.layout.size_m / 2
    for x, y in positions:
        assert np.hypot(x - centre, y - centre) <= 150.0
        row, column = int(y / scene.cell_m), int(x / scene.cell_m)
        assert scene.heights[row - 1 : row + 2, column - 1 : column + 2].max() == 0
    u, v = campus.layout.streets.to_uv(*positions.T)
    pitch = campus.layout.streets.pitch
    off = np.minimum(
        *(np.abs(c / p - np.rint(c / p)) * p for c, p in zip((u, v), pitch, strict=True))
    )
    assert off.max() < 0.1  # on a centre line
    apart = np.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1))
    assert apart[~np.eye(12, dtype=bool)].min() >= 20.0
    with pytest.raises(ConfigError, match=r"have room for .* places 400 m apart, not for 12"):
        street_positions(random_stream(3, 0, view=2), campus, 12, 150.0, 400.0)


def test_a_panorama_has_the_sky_above_and_the_street_below(campus: Campus) -> None:
    (position,) = street_positions(random_stream(3, 0, view=2), campus, 1, 150.0, 20.0)
    image = render_panorama(SPEC, campus, 0, 0, position, (32, 128))
    assert image.size == (128, 32)
    pixels = np.asarray(image).astype(float)
    assert pixels[0, :, 2].mean() > pixels[0, :, 0].mean() + 10  # blue overhead
    assert pixels[-1].std() < 60
    again = render_panorama(SPEC, campus, 0, 0, position, (32, 128))
    np.testing.assert_array_equal(image, again)


def test_north_is_in_the_centre(monkeypatch, campus: Campus) -> None:
    heights = np.zeros((64, 64))
    heights[50:54, 28:37] = 20  # rows run north
    heights[30:35, 50:52] = 20  # columns run east
    town = block_scene(heights)
    from geoloc.campusworld import street

    monkeypatch.setattr(street, "vary_light", lambda light, rng: light)
    one = type("One", (), {"lights": campus.lights, "scenes": [town] * 4})()
    image = np.asarray(render_panorama(SPEC, one, 0, 0, np.array([32.5, 32.5]), (64, 256)))
    horizon = image[26].astype(int)  # about 8 degrees up: only the walls are not sky
    sky = horizon[0]
    wall = np.abs(horizon - sky).sum(axis=1) > 30
    assert wall[128]  # north
    assert wall[192]  # east
    assert not wall[64]  # west
    assert not wall[0]  # south

"""Geometry of both views, against slow and plain re-derivations."""

import numpy as np
import pytest

from geoloc.campusworld.camera import Camera, draw_orbit, orbit_camera
from geoloc.campusworld.campus import SATELLITE, Campus
from geoloc.campusworld.drone import TILE, mirrored, render_view
from geoloc.campusworld.ground import BOX, ROOF
from geoloc.campusworld.light import cast_shadows
from geoloc.campusworld.raymarch import (
    GROUND_BEYOND,
    SKY,
    TOP,
    WALL,
    build_pyramid,
    first_hit,
    free_distance,
    ray_direction,
)
from geoloc.campusworld.satellite import render_satellite
from geoloc.campusworld.scene import Scene
from geoloc.campusworld.shading import pulse

from .conftest import block_scene

OFFSET, ASIDE = np.array([60.0, -80.0, 130.0]), np.array([9.0, -6.0, 0.0])
SIZE = 416  # m: the cameras' orbits stay above the map


def slow_first_hit(
    scene: Scene, origin: np.ndarray, direction: np.ndarray, step_m: float = 0.004
) -> tuple[float, int, int]:
    """Walk along a ray in tiny steps until it is below the height of its cell."""
    t = max(0.0, (scene.top - origin[2]) / direction[2])
    size = len(scene.heights)
    while True:
        x, y, z = origin + t * direction
        i, j = int(np.floor(y / scene.cell_m)), int(np.floor(x / scene.cell_m))
        height = scene.heights[i, j] if 0 <= i < size and 0 <= j < size else 0.0
        if z <= height:
            return t, i, j
        t += step_m


@pytest.fixture(scope="module")
def blocks() -> Scene:
    """Return a plain with random blocks of 1 .. 12 cells and up to 25 m."""
    rng = np.random.default_rng(4)
    heights = np.zeros((SIZE, SIZE))
    for _ in range(250):
        i, j = rng.integers(SIZE // 2 - 100, SIZE // 2 + 100, 2)
        a, b = rng.integers(1, 12, 2)
        heights[i : i + a, j : j + b] = rng.uniform(1, 25)
    return block_scene(heights)


def cameras(count: int) -> list[Camera]:
    rng = np.random.default_rng(8)
    middle = np.array([SIZE / 2, SIZE / 2, 4.0])
    return [orbit_camera(rng, draw_orbit(rng), middle, k / count) for k in range(count)]


def test_first_hit_agrees_with_a_slow_march(blocks: Scene) -> None:
    rng = np.random.default_rng(1)
    kinds = set()
    for camera in cameras(6):
        for row, column in rng.uniform(8, 56, (12, 2)):
            direction = camera.ray(row, column, 64)
            kind, t, i, j = first_hit(blocks, tuple(camera.position), tuple(direction), 0.0)
            slow_t, slow_i, slow_j = slow_first_hit(blocks, camera.position, direction)
            assert t == pytest.approx(slow_t, abs=0.02)
            kinds.add(kind)
            if kind == GROUND_BEYOND:
                continue
            # Within a step of a cell's border the two may name either cell.
            assert abs(i - slow_i) <= 1
            assert abs(j - slow_j) <= 1
            z = camera.position[2] + t * direction[2]
            if kind == TOP:
                assert z == pytest.approx(blocks.heights[i, j], abs=1e-3)
            else:
                assert kind == WALL
                assert z <= blocks.heights[i, j] + 1e-3
    assert {WALL, TOP} <= kinds


def test_hits_on_a_real_campus_agree_with_a_slow_march(campus: Campus) -> None:
    scene = campus.scenes[SATELLITE]
    building = campus.building_of(0)
    rng = np.random.default_rng(2)
    target = np.array([building.x, building.y, 5.0])
    camera = orbit_camera(rng, draw_orbit(rng), target, 0.3)
    for row, column in rng.uniform(20, 60, (12, 2)):
        direction = camera.ray(row, column, 64)
        _, t, _, _ = first_hit(scene, tuple(camera.position), tuple(direction), 0.0)
        assert t == pytest.approx(slow_first_hit(scene, camera.position, direction)[0], abs=0.02)


def test_beams_never_pass_a_hit(campus: Campus) -> None:
    scene = campus.scenes[SATELLITE]
    samples, gained = 96, []
    for place in range(3):
        building = campus.building_of(place)
        rng = np.random.default_rng(place)
        target = np.array([building.x, building.y, 5.0])
        camera = orbit_camera(rng, draw_orbit(rng), target, 0.7)
        packed, origin = camera.packed(), tuple(camera.position)
        spread = camera.half_width * np.sqrt(2.0) * TILE / samples
        for r0 in range(0, samples, 2 * TILE):
            for c0 in range(0, samples, 2 * TILE):
                axis = ray_direction(packed, r0 + TILE / 2, c0 + TILE / 2, samples)
                start = free_distance(scene, origin, axis, spread)
                for r, c in ((r0, c0), (r0 + 7, c0), (r0 + 3, c0 + 7), (r0 + 7, c0 + 7)):
                    direction = ray_direction(packed, r + 0.5, c + 0.5, samples)
                    kind, t, *_ = first_hit(scene, origin, direction, 0.0)
                    again = first_hit(scene, origin, direction, start)
                    assert again[0] == kind
                    assert again[1] == pytest.approx(t, abs=1e-3)
                    gained.append(start)
    assert np.mean(gained) > 60.0


def test_a_projected_point_is_hit(campus: Campus) -> None:
    scene = campus.scenes[SATELLITE]
    for place in range(5):
        building = campus.building_of(place)
        i, j = int(building.y / scene.cell_m), int(building.x / scene.cell_m)
        point = np.array([j + 0.5, i + 0.5, scene.heights[i, j]])  # cells of 1 m
        camera = Camera.looking_at(point + OFFSET, point + ASIDE, 65.0)
        row, column = camera.project(point, 256)
        assert 0 < row < 256
        assert 0 < column < 256
        kind, t, hit_i, hit_j = first_hit(
            scene, tuple(camera.position), ray_direction(camera.packed(), row, column, 256), 0.0
        )
        assert (kind, hit_i, hit_j) == (TOP, i, j)
        assert t == pytest.approx(np.linalg.norm(point - camera.position), abs=1e-3)


def test_image_axes(blocks: Scene) -> None:
    camera = Camera.looking_at(np.array([50.0, 0.0, 100.0]), np.array([50.0, 60.0, 0.0]), 60.0)
    middle = camera.project(np.array([50.0, 60.0, 0.0]), 100)
    east = camera.project(np.array([60.0, 60.0, 0.0]), 100)
    farther = camera.project(np.array([50.0, 90.0, 0.0]), 100)
    assert middle == pytest.approx((50.0, 50.0))
    assert east[1] > middle[1]
    assert east[0] == pytest.approx(middle[0])
    assert farther[0] < middle[0]  # and farther is higher up
    assert np.allclose(camera.ray(*east, 100), ray_direction(camera.packed(), *east, 100))


def test_a_wall_hides_what_is_behind_it() -> None:
    heights = np.zeros((64, 64))
    heights[30:32, 20:44] = 30.0
    scene = block_scene(heights)
    eye = np.array([32.0, 4.0, 34.0])
    hidden = np.array([32.5, 40.5, 0.0])
    direction = (hidden - eye) / np.linalg.norm(hidden - eye)
    kind, t, i, _ = first_hit(scene, tuple(eye), tuple(direction), 0.0)
    assert (kind, i) == (WALL, 30)
    assert eye[1] + t * direction[1] == pytest.approx(30.0, abs=1e-3)
    heights[:] = 0.0
    kind, t, *_ = first_hit(block_scene(heights), tuple(eye), tuple(direction), 0.0)
    assert kind == TOP
    assert t == pytest.approx(np.linalg.norm(hidden - eye))


def test_rays_leave_the_map_and_the_ground(blocks: Scene) -> None:
    above = (40.0, 48.0, 60.0)
    assert first_hit(blocks, above, (0.0, 0.6, 0.8), 0.0)[0] == SKY
    kind, t, *_ = first_hit(blocks, above, (np.sqrt(0.99), 0.0, -0.1), 0.0)
    assert kind == GROUND_BEYOND
    assert t == pytest.approx(600.0)


def test_pyramid_holds_the_maxima(blocks: Scene) -> None:
    pyramid, offset = build_pyramid(np.asarray(blocks.heights)), 0
    for level in range(4):
        side = SIZE >> level
        for i, j in ((0, 0), (side // 2, side - 1), (side - 1, 3)):
            width = 1 << level
            block = blocks.heights[i * width : (i + 1) * width, j * width : (j + 1) * width]
            assert pyramid[offset + i * side + j] == block.max()
        offset += side * side


def test_place_centres_are_roofs_in_the_middle_of_the_tile(campus: Campus) -> None:
    for place in range(10):
        building = campus.building_of(place)
        scene = campus.scenes[SATELLITE]
        i, j = int(building.y / scene.cell_m), int(building.x / scene.cell_m)
        owner = int(campus.layout.place_of[place]) + 1
        assert scene.owners[i, j] == owner
        assert scene.colours[i, j, 3] in (ROOF, BOX)
        painted = scene.colours.copy()
        painted[scene.owners == owner, :3] = (255, 0, 255)
        marked = Campus(campus.layout, campus.lights, [scene._replace(colours=painted)])
        before = np.asarray(render_satellite(campus, place, 340.0, 64), dtype=float)
        after = np.asarray(render_satellite(marked, place, 340.0, 64), dtype=float)
        changed = np.abs(after - before).sum(axis=2) > 30
        assert changed[31:33, 31:33].all()
        assert not changed[0].any()
        assert not changed[:, 0].any()


def test_satellite_tiles_are_north_up(campus: Campus) -> None:
    scene = campus.scenes[SATELLITE]
    building = campus.building_of(0)
    painted = scene.colours.copy()
    i, j = int((building.y + 100) / scene.cell_m), int((building.x + 50) / scene.cell_m)
    painted[i - 12 : i + 12, j - 12 : j + 12] = (255, 0, 255, 0)
    marked = Campus(campus.layout, campus.lights, [scene._replace(colours=painted)])
    before = np.asarray(render_satellite(campus, 0, 340.0, 68), dtype=float)
    after = np.asarray(render_satellite(marked, 0, 340.0, 68), dtype=float)
    rows, columns = np.nonzero(np.abs(after - before).sum(axis=2) > 30)
    assert rows.mean() + 0.5 == pytest.approx(34 - 20, abs=1.0)  # 5 m for each pixel
    assert columns.mean() + 0.5 == pytest.approx(34 + 10, abs=1.0)


def test_drone_image_centres_its_target(campus: Campus) -> None:
    scene = campus.scenes[SATELLITE]
    building = campus.building_of(1)
    target = np.array([building.x, building.y, building.height])
    camera = Camera.looking_at(target + OFFSET, target, 65.0)
    painted = scene.colours.copy()
    painted[scene.owners == int(campus.layout.place_of[1]) + 1, :3] = (255, 0, 255)
    before = np.asarray(render_view(scene, camera, 64), dtype=float)
    after = np.asarray(render_view(scene._replace(colours=painted), camera, 64), dtype=float)
    changed = np.abs(after - before).sum(axis=2) > 30
    assert changed[31:33, 31:33].all()
    assert 0.005 < changed.mean() < 0.5


def test_shadows_agree_with_a_slow_march() -> None:
    heights = np.zeros((80, 80), dtype=np.float32)
    heights[38:42, 38:42] = 20.0
    sun = np.array([0.6, -0.3, 0.7416198])
    ceiling = cast_shadows(heights, sun)
    wrong = 0
    for i in range(4, 76, 3):
        for j in range(4, 76, 3):
            shaded = False
            for k in range(1, 400):
                x, y, z = j + 0.5 + 0.2 * k * sun[0], i + 0.5 + 0.2 * k * sun[1], 0.2 * k * sun[2]
                if 0 <= x < 80 and 0 <= y < 80 and heights[int(y), int(x)] > z and z > 0.3:
                    shaded = True
            wrong += shaded != bool(ceiling[i, j] > 0.3 or heights[i, j] > 0)
    assert wrong <= 6  # cells on the border of the shadow, by rounding
    assert (ceiling > 0.3).sum() > 60


@pytest.mark.parametrize(("x", "width"), [(0.3, 0.2), (5.0, 3.0), (-2.2, 7.0), (11.9, 0.4)])
def test_window_share_is_the_mean_over_the_footprint(x: float, width: float) -> None:
    points = np.linspace(x - width / 2, x + width / 2, 200_001)
    assert pulse(x, 3.0, 0.4, width) == pytest.approx(np.mean(points % 3.0 < 1.2), abs=1e-3)


def test_mirrored_ground_is_continuous() -> None:
    cells = [mirrored(position, 5) for position in np.arange(-7.5, 13.0)]
    assert cells[7:14] == [0, 0, 1, 2, 3, 4, 4]
    assert max(abs(np.diff(cells))) == 1

"""Where photos are taken: in and around towns and in the country, test apart from train."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.geo.great_circle import RADIUS_KM
from geoloc.geo.sphere_index import SphereIndex
from geoloc.geo.unit_sphere import unit_vectors
from geoloc.globeworld.areas import Settlement
from geoloc.globeworld.planet import Planet, degrees
from geoloc.globeworld.spec import GlobeSpec, random_stream

Array = NDArray[np.float64]
OUTSKIRTS = 2.5  # photos of a town spread over so many of its radii
LANDMARK_SIGHT_KM = 60.0
SITES_APART_KM = 2500.0
SITE_TRIES = 400
FIRST_ID = 100_000


class Photos(NamedTuple):
    """The photos of a planet, train first.

    Attributes:
        number: Their ids, int64 ``[n]``.
        latlon: (lat, lon) in degrees, float64 ``[n, 2]``.
        train: Which belong to train, bool ``[n]``; the others are test.
        town: Nearest town, int64 ``[n]``.
        urban: 1 in the middle of a town, 0 in the country, float64 ``[n]``.
        landmark: Kind of landmark in sight, -1 for none, int64 ``[n]``.
        landmark_km: Its distance, float64 ``[n]``.
    """

    number: NDArray[np.int64]
    latlon: Array
    train: NDArray[np.bool_]
    town: NDArray[np.int64]
    urban: Array
    landmark: NDArray[np.int64]
    landmark_km: Array


class Landmarks(NamedTuple):
    """Landmarks, each kind at several sites far apart.

    Attributes:
        latlon: (lat, lon) of the sites in degrees, float64 ``[S, 2]``.
        kind: int64 ``[S]``.
    """

    latlon: Array
    kind: NDArray[np.int64]


def take_photos(planet: Planet, settlement: Settlement, spec: GlobeSpec) -> Photos:
    """Choose the positions of all photos and say what stands there."""
    rng = random_stream(spec.seed, "photos")
    test = _positions(rng, planet, settlement, spec, spec.test_photos)
    apart = SphereIndex(test)
    train = np.empty((0, 2))
    while len(train) < spec.train_photos:
        more = _positions(rng, planet, settlement, spec, spec.train_photos)
        far = apart.nearest(more).distance_km[:, 0] >= spec.separation_km + 1e-6
        train = np.concatenate([train, more[far]])[: spec.train_photos]
    latlon = np.concatenate([train, test])
    nearest = SphereIndex(settlement.latlon).nearest(latlon)
    town = nearest.row[:, 0]
    ratio = nearest.distance_km[:, 0] / (OUTSKIRTS * settlement.radius_km[town])
    urban = np.clip(1 - ratio, 0, 1, dtype=np.float64).round(9)
    kind, site_km = _landmarks_in_sight(place_landmarks(settlement, spec), latlon)
    return Photos(
        FIRST_ID + np.arange(len(latlon)),
        latlon,
        np.arange(len(latlon)) < len(train),
        town,
        urban,
        kind,
        np.round(site_km, 9),
    )


def place_landmarks(settlement: Settlement, spec: GlobeSpec) -> Landmarks:
    """Choose towns for every kind of landmark, as far apart as tries allow."""
    rng = random_stream(spec.seed, "landmarks")
    big = max(1, len(settlement.towns) // 6)  # where many photos are taken
    count = min(spec.landmark_sites, big)
    sites: list[int] = []
    for _ in range(spec.landmark_kinds):
        own = [int(rng.integers(big))]
        while len(own) < count:
            tries = rng.integers(big, size=SITE_TRIES)
            away = SphereIndex(settlement.latlon[own]).nearest(settlement.latlon[tries])
            enough = min(SITES_APART_KM, float(away.distance_km.max()))
            own.append(int(tries[np.argmax(away.distance_km[:, 0] >= enough)]))
        sites += own
    kinds = np.arange(len(sites)) // count
    return Landmarks(settlement.latlon[np.array(sites, dtype=np.int64)], kinds)


def _landmarks_in_sight(landmarks: Landmarks, latlon: Array) -> tuple[NDArray[np.int64], Array]:
    if not len(landmarks.kind):
        return np.full(len(latlon), -1), np.full(len(latlon), np.inf)
    nearest = SphereIndex(landmarks.latlon).nearest(latlon)
    site, distance = nearest.row[:, 0], nearest.distance_km[:, 0]
    return np.where(distance < LANDMARK_SIGHT_KM, landmarks.kind[site], -1), distance


def _positions(
    rng: np.random.Generator, planet: Planet, settlement: Settlement, spec: GlobeSpec, count: int
) -> Array:
    """Draw (lat, lon) ``[count, 2]`` in degrees, all on land."""
    weight = settlement.radius_km / settlement.radius_km.sum()
    near_town = rng.random(count) < spec.town_share
    anywhere = planet.land_positions(rng, count)
    town = rng.choice(len(weight), size=count, p=weight)
    step_km = rng.standard_normal((count, 3)) * (settlement.radius_km[town] * 0.8)[:, None]
    around = degrees(unit_vectors(settlement.latlon[town]) + step_km / RADIUS_KM)
    ashore = planet.height(unit_vectors(around)) > 0
    return np.where((near_town & ashore)[:, None], around, anywhere)

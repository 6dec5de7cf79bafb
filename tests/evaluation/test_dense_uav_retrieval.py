from pathlib import Path

import numpy as np
import pytest
import torch
from geopy.distance import geodesic

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError
from geoloc.evaluation import DenseUAVRetrieval, UniversityRetrieval

TASK = "query/drone->gallery/satellite"


def ranked_as_listed(query_latlon, gallery_latlon) -> tuple[Index, torch.Tensor]:
    """One query whose gallery comes in the order of the list; the last item is of its place."""
    n = len(gallery_latlon)
    lat, lon = np.concatenate([query_latlon[None], gallery_latlon]).T
    place = np.array([n, *range(1, n + 1)])
    view = np.array(["drone"] + ["satellite"] * n)
    split = np.array(["query"] + ["gallery"] * n)
    path = np.arange(n + 1).astype(str)
    angle = torch.linspace(0, 1, n + 1)
    descriptors = torch.stack([angle.cos(), angle.sin()], dim=1)
    return Index(path, view, place, lat, lon, split, Path()), descriptors


def of_golden(vectors) -> tuple[Index, torch.Tensor]:
    query, gallery = (vectors[f"dense_{k}_lonlat"][..., ::-1] for k in ("query", "gallery"))
    return ranked_as_listed(query, gallery)


def test_the_official_distances(golden) -> None:
    vectors = golden("cv_geo_helpers")
    index, descriptors = of_golden(vectors)
    first_m = float(vectors["dense_haversine_m"][0])
    ma_m = (first_m * (1 - 1e-5), first_m * (1 + 1e-5))
    depths = [int(k) for k in vectors["dense_sdm_k"]]
    metric = DenseUAVRetrieval([TASK], sdm=depths, ma_m=ma_m, official="denseuav")
    result = metric.measure(descriptors, index, ())
    assert list(result) == [f"{TASK} [official denseuav]"]
    values = result[f"{TASK} [official denseuav]"].metrics
    found = [values[f"SDM@{k}"] / 100 for k in depths]
    np.testing.assert_allclose(found, vectors["dense_sdm"], rtol=1e-4)  # float32 degrees
    assert [values[f"MA@{m:g}m"] for m in ma_m] == [0, 100]


def test_distances_in_metres(golden) -> None:
    vectors = golden("cv_geo_helpers")
    index, descriptors = of_golden(vectors)
    at = index.image_latlon
    metres = [geodesic(at[0], each).m for each in at[1:]]
    metric = DenseUAVRetrieval([TASK], sdm=(1, 4), ma_m=(metres[0] - 0.01, metres[0] + 0.01))
    values = metric.measure(descriptors, index, ())[TASK].metrics
    for depth in (1, 4):
        weights = list(range(depth, 0, -1))
        near = [np.exp(-m / 22.24) for m in metres[:depth]]
        expected = 100 * np.dot(weights, near) / sum(weights)
        assert values[f"SDM@{depth}"] == pytest.approx(expected, rel=1e-6)
    assert [values[f"MA@{m:g}m"] for m in metric.ma_m] == [0, 100]
    university = UniversityRetrieval([TASK]).measure(descriptors, index, ())[TASK].metrics
    assert university.items() <= values.items()


def test_the_bounds_differ_at_the_query_itself() -> None:
    """At 0 m the official bound is strict; a metre counts the same to the east and north here."""
    at = np.array([60.0, 10.0])
    index, descriptors = ranked_as_listed(at, np.stack([at, at]))
    shares = {
        official: next(
            iter(
                DenseUAVRetrieval([TASK], ma_m=(0,), official=official)
                .measure(descriptors, index, ())
                .values()
            )
        ).metrics["MA@0m"]
        for official in (None, "denseuav")
    }
    assert shares == {None: 100, "denseuav": 0}
    sdm = {}
    for name, step in {"north": (9e-5, 0.0), "east": (0.0, 9e-5 / np.cos(np.radians(60)))}.items():
        index, descriptors = ranked_as_listed(at, at + np.array([step]))
        for official in (None, "denseuav"):
            metric = DenseUAVRetrieval([TASK], sdm=(1,), official=official)
            (result,) = metric.measure(descriptors, index, ()).values()
            sdm[name, official] = result.metrics["SDM@1"]
    assert sdm["north", None] == pytest.approx(sdm["east", None], rel=0.01)
    assert sdm["north", "denseuav"] > 1.3 * sdm["east", "denseuav"]


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match="official='paper' must be None or 'denseuav'"):
        DenseUAVRetrieval(official="paper")
    with pytest.raises(ConfigError, match=r"sdm=\(0,\) must be numbers"):
        DenseUAVRetrieval(sdm=(0,))
    index, descriptors = ranked_as_listed(np.zeros(2), np.full((2, 2), np.nan))
    with pytest.raises(ConfigError, match="DenseUAVRetrieval needs the positions"):
        DenseUAVRetrieval([TASK]).measure(descriptors, index, ())

"""The evaluator of CVUSA, CVACT and VIGOR against the outputs of their official codes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from geopy.distance import geodesic

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError
from geoloc.evaluation import PanoramaRetrieval, task
from geoloc.geo.utm import utm_to_degrees

TASK = "street->satellite"
RECALLS = ("R@1", "R@5", "R@10", "R@1%")


def pairs(query: np.ndarray, gallery: np.ndarray, latlon=None, **columns) -> Index:
    """Return an index of panoramas of the places ``query`` and tiles of ``gallery``."""
    n, m = len(query), len(gallery)
    lat, lon = np.full((2, n + m), np.nan) if latlon is None else np.asarray(latlon).T
    return Index(
        np.arange(n + m).astype(str),
        np.repeat(["street", "satellite"], [n, m]),
        np.concatenate([query, gallery]),
        lat,
        lon,
        np.full(n + m, "test"),
        Path(),
        **columns,
    )


def measure(index: Index, query, gallery, **options) -> dict[str, float]:
    descriptors = torch.from_numpy(np.concatenate([query, gallery])).float()
    return PanoramaRetrieval(**options).measure(descriptors, index, ())[TASK].metrics


def test_cvusa_as_sample4geo_and_transgeo(golden) -> None:
    vectors = golden("cv_s4g_eval")
    index = pairs(vectors["query_label"], vectors["ref_label"])
    values = measure(index, vectors["query_f"], vectors["ref_f"])
    found = [values[name] for name in RECALLS]
    np.testing.assert_allclose(found, vectors["metrics_cvusa"], atol=1e-3)
    assert set(values) == {*RECALLS, "queries", "queries_without_relevant"}


def test_cvact_val_as_safa(golden) -> None:
    vectors = golden("cv_safa_eval")
    ids = np.arange(len(vectors["sat"]))
    values = measure(pairs(ids, ids), vectors["grd"], vectors["sat"], depths=range(1, 11))
    found = [values[f"R@{k}"] / 100 for k in range(1, 11)]
    assert found == pytest.approx(vectors["acc_at_k"][1:].tolist())


def test_cvact_test_by_pairs_and_within_5_m(golden) -> None:
    vectors = golden("cv_cvact_test_geo_port")
    offset = vectors["utm"] - vectors["utm"].mean(axis=0) + np.array([690_000.0, 6_090_000.0])
    latlon = utm_to_degrees(offset, 55, True)
    ids = np.arange(len(latlon))
    index = pairs(ids, ids, np.concatenate([latlon, latlon]))
    depths = range(1, int(vectors["topk"]) + 1)
    values = measure(index, vectors["grd"], vectors["sat"], depths=depths, radius_m=5.0)
    for suffix, name in (("", "recall_one_to_one"), ("/5m", "recall_geo")):
        found = [values[f"R@{k}{suffix}"] / 100 for k in depths]
        assert found == pytest.approx(vectors[name].tolist())
    assert "R@1%/5m" in values


def vigor(vectors) -> Index:
    positive, *semi = vectors["vigor_labels"].T
    none = np.full((len(vectors["ref_label"]), 3), -1)
    also = np.concatenate([np.stack(semi, axis=1), none])
    return pairs(positive, vectors["ref_label"], also_shows=also)


def test_vigor_as_sample4geo(golden) -> None:
    vectors = golden("cv_s4g_eval")
    values = measure(vigor(vectors), vectors["query_f"], vectors["ref_f"])
    found = [values[name] for name in (*RECALLS, "hit_rate")]
    np.testing.assert_allclose(found, vectors["metrics_vigor"], atol=1e-3)


def test_semi_positives_are_the_querys_in_every_share(golden, monkeypatch) -> None:
    vectors = golden("cv_s4g_eval")
    index = vigor(vectors)
    descriptors = torch.from_numpy(np.concatenate([vectors["query_f"], vectors["ref_f"]]))
    whole = PanoramaRetrieval().measure(descriptors, index, ())[TASK].per_query["hit_rate"]
    assert 0 < whole.mean() < 1
    shares = []
    for share in (slice(0, 40), slice(40, 90)):
        monkeypatch.setattr(task, "own_share", lambda number, share=share: share)
        monkeypatch.setattr(task, "gather_shares", lambda columns: shares.append(columns) or {})
        with pytest.raises(KeyError):  # there are no columns of the whole
            PanoramaRetrieval().measure(descriptors, index, ())
    assert torch.equal(torch.cat([share["hit_rate"] for share in shares]), whole)


def test_the_hit_rate_of_a_small_gallery() -> None:
    """Queries of one tile with semi-positives of their own; the tile of query 2 ties with none."""
    index = pairs(
        np.array([7, 7, 8]),
        np.array([7, 8, 9]),
        also_shows=[[8, 5], [9, 5], [5, -1], [-1, -1], [-1, -1], [-1, -1]],
    )
    gallery = torch.nn.functional.normalize(torch.tensor([[1.0, 0.2], [1.0, 0.0], [0.0, 1.0]]))
    query = torch.tensor([[1.0, 0.0]] * 3)  # the tile of place 8 comes first, then that of 7
    result = PanoramaRetrieval().measure(torch.cat([query, gallery]), index, ())[TASK]
    assert result.per_query["hit_rate"].tolist() == [1, 0, 1]
    assert result.per_query["R@1"].tolist() == [0, 0, 1]


def test_one_percent_of_vigor_has_two_conventions() -> None:
    """The positive is second of 150: inside floor(1.5) + 1, outside floor(1.5)."""
    index = pairs(np.array([1]), np.array([2, 1, *range(3, 151)]))
    gallery = torch.tensor([[1.0, 0.1 * rank] for rank in range(150)])
    descriptors = torch.nn.functional.normalize(torch.cat([torch.tensor([[1.0, 0.0]]), gallery]))
    shares = {
        name: PanoramaRetrieval(one_percent=name).measure(descriptors, index, ())[TASK].metrics
        for name in ("floor", "floor+1")
    }
    assert [values["R@1%"] for values in shares.values()] == [0, 100]


def test_the_error_is_measured_from_the_camera() -> None:
    tiles = [(40.0, -74.0), (40.001, -74.0)]
    camera = [(40.0002, -74.0001), (40.0004, -74.0002), *tiles]
    index = pairs(
        np.array([1, 1]), np.array([1, 2]), [tiles[0], tiles[0], *tiles], camera_latlon=camera
    )
    descriptors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    result = PanoramaRetrieval().measure(descriptors, index, ())[TASK]
    expected = [geodesic(camera[0], tiles[0]).m, geodesic(camera[1], tiles[1]).m]
    assert result.per_query["error_m"].tolist() == pytest.approx(expected, abs=1e-6)
    assert result.metrics["error/mean_m"] == pytest.approx(sum(expected) / 2)
    assert result.metrics["error/within_25m"] == 50
    assert "error/mean_m" in result.intervals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"one_percent": "ceil"}, "one_percent='ceil' must be one of floor, "),
        ({"depths": (0, 5)}, r"depths=\(0, 5\) must be numbers"),
        ({"radius_m": 0}, "radius_m=0 must be a positive distance"),
    ],
)
def test_mistakes_are_named(options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        PanoramaRetrieval(**options)


def test_a_radius_needs_positions() -> None:
    index = pairs(np.array([1]), np.array([1]))
    with pytest.raises(ConfigError, match="radius_m=5 needs the positions of the places"):
        PanoramaRetrieval(radius_m=5.0).measure(torch.eye(2), index, ())

import csv

import numpy as np
import pytest
from geopy.distance import geodesic

from geoloc.analysis.queries import describe_queries, write_queries
from geoloc.datasets.place_levels import place_levels
from geoloc.geo.relevance import DA_CAMPUS_THRESHOLDS_M as THRESHOLDS_M

TASK = "drone->satellite"


def test_every_query_tells_what_it_finds(places, descriptors) -> None:
    asked, gallery = (np.flatnonzero(places.view == view) for view in ("drone", "satellite"))
    values = {"H-AP": np.linspace(0, 1, len(asked))}
    queries = describe_queries(descriptors, places, THRESHOLDS_M, TASK, values, depth=3)
    assert [query.row for query in queries] == asked.tolist()
    levels = place_levels(places, THRESHOLDS_M)
    ranks = []
    for place, query in enumerate(queries):
        order = gallery[np.argsort(-(descriptors[gallery] @ descriptors[query.row]).numpy())]
        assert [found.row for found in query.first] == order[:3].tolist()
        own = np.flatnonzero(places.place[order] == places.place[query.row])
        assert query.rank == own[0] + 1
        ranks.append(query.rank)
        assert query.values == {"H-AP": values["H-AP"][place]}
        at = (places.lat[query.row], places.lon[query.row])
        for found in query.first:
            metres = geodesic(at, (places.lat[found.row], places.lon[found.row])).m
            assert found.distance_m == pytest.approx(metres, abs=1e-3)
            wanted = 3 if metres == 0 else 2 if metres <= 200 else 1 if metres <= 500 else 0
            assert found.level == wanted
    assert levels.highest == 3
    assert min(ranks) == 1 < max(ranks)


def test_the_file_has_a_line_per_query(places, descriptors, tmp_path) -> None:
    values = {"H-AP": np.linspace(0, 1, 10)}
    task = "satellite->drone"
    queries = describe_queries(descriptors, places, THRESHOLDS_M, task, values, depth=2)
    write_queries(queries, places, tmp_path / "queries.csv")
    with (tmp_path / "queries.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["H-AP"]) for row in rows] == values["H-AP"].tolist()
    for row, query in zip(rows, queries, strict=True):
        assert row["query"] == places.path[query.row]
        assert float(row["lat"]) == places.lat[query.row]
        assert row["result_2"] == places.path[query.first[1].row]
        assert int(row["level_2"]) == query.first[1].level
        assert float(row["distance_m_2"]) == pytest.approx(query.first[1].distance_m, abs=0.06)
        assert int(row["rank"]) == query.rank

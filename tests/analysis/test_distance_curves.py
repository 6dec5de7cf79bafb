import math

import numpy as np
import pytest
import torch
from geopy.distance import geodesic
from sklearn.metrics import average_precision_score

from geoloc.analysis.distance_curves import distance_curves
from geoloc.errors import DatasetError
from geoloc.evaluation.retrieval import evaluate_retrieval
from geoloc.geo.relevance import DA_CAMPUS_THRESHOLDS_M as THRESHOLDS_M

RADII_M = (0.0, 100.0, 250.0, 5000.0)


@pytest.mark.parametrize("task", ["drone->satellite", "satellite->drone", "drone->drone"])
def test_curves_agree_with_single_queries(places, descriptors, task) -> None:
    curves = distance_curves(descriptors, places, THRESHOLDS_M, task, RADII_M)
    query_view, _, gallery_view = task.partition("->")
    asked, found = (
        np.flatnonzero(places.view == view).tolist() for view in (query_view, gallery_view)
    )
    result = evaluate_retrieval(descriptors, places, THRESHOLDS_M, [task])[task]
    h_ap = dict(zip(result.query.tolist(), result.per_query["H-AP"].tolist(), strict=True))
    precision = {radius: [] for radius in RADII_M}
    errors = []
    for row in asked:
        gallery = [item for item in found if item != row]
        score = (descriptors[gallery] @ descriptors[row]).numpy()
        at = (places.lat[row], places.lon[row])
        metres = [geodesic(at, (places.lat[item], places.lon[item])).m for item in gallery]
        distance_m = np.where(places.place[gallery] == places.place[row], 0, metres)
        for radius in RADII_M:
            precision[radius].append(average_precision_score(distance_m <= radius, score))
        errors.append(distance_m[score.argmax()])
    assert curves.radius_m == list(RADII_M)
    for place, radius in enumerate(RADII_M):
        assert curves.mean_ap[place] == pytest.approx(100 * np.mean(precision[radius]), abs=1e-6)
        assert curves.within[place] == pytest.approx(100 * np.mean(np.array(errors) <= radius))
    lower = -math.inf
    for upper, mean in zip((*RADII_M, math.inf), curves.h_ap, strict=True):
        inside = [
            h_ap[row] for row, error in zip(asked, errors, strict=True) if lower < error <= upper
        ]
        assert mean == (pytest.approx(100 * np.mean(inside)) if inside else None)
        lower = upper
    assert 0 < curves.within[0] < 100


def test_an_index_without_positions_is_refused(places, descriptors) -> None:
    nowhere = places.take(np.arange(len(places)))
    object.__setattr__(nowhere, "lat", np.full(len(places), np.nan))
    with pytest.raises(DatasetError, match="need the positions"):
        distance_curves(descriptors, nowhere, THRESHOLDS_M, "drone->satellite")


def test_the_largest_radius_counts_everything(places, descriptors) -> None:
    curves = distance_curves(descriptors, places, THRESHOLDS_M, "drone->satellite", [1e6])
    assert curves.mean_ap == [100.0]
    assert curves.within == [100.0]
    assert torch.isfinite(torch.tensor(curves.h_ap[:1])).all()
    assert curves.h_ap[1] is None

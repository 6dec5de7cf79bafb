from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError, DatasetError
from geoloc.evaluation import UniversityRetrieval

TASK = "query/drone->gallery/satellite"


def index_of(query: np.ndarray, gallery: np.ndarray) -> Index:
    n, m = len(query), len(gallery)
    nowhere = np.full(n + m, np.nan)
    return Index(
        np.arange(n + m).astype(str),
        np.repeat(["drone", "satellite"], [n, m]),
        np.concatenate([query, gallery]),
        nowhere,
        nowhere,
        np.repeat(["query", "gallery"], [n, m]),
        Path(),
    )


def test_matches_the_official_script(golden) -> None:
    """Junk in the gallery and queries without an answer included; the script divides by both."""
    official = golden("cv_u1652_eval")
    index = index_of(official["query_label"], official["gallery_label"])
    descriptors = torch.from_numpy(np.concatenate([official["query_f"], official["gallery_f"]]))
    values = (
        UniversityRetrieval([TASK], one_percent="round+1")
        .measure(descriptors, index, ())[TASK]
        .metrics
    )
    assert (values["queries"], values["queries_without_relevant"]) == (37, 2)
    found = [values[name] * 35 / 37 for name in ("R@1", "R@5", "R@10", "R@1%", "AP")]
    np.testing.assert_allclose(found, official["metrics"], rtol=0, atol=1e-9)


def test_one_percent_has_conventions() -> None:
    """The answer is at rank 3 of 160: inside round(1.6) + 1 = 3, outside floor(1.6) = 1."""
    index = index_of(np.array([1]), np.array([2, 3, 1, *range(4, 161)]))
    gallery = torch.tensor([[1.0, 0.1 * rank] for rank in range(160)])
    descriptors = torch.nn.functional.normalize(torch.cat([torch.tensor([[1.0, 0.0]]), gallery]))
    shares = {
        name: UniversityRetrieval([TASK], name)
        .measure(descriptors, index, ())[TASK]
        .metrics["R@1%"]
        for name in ("floor", "floor+1", "round+1")
    }
    assert shares == {"floor": 0, "floor+1": 0, "round+1": 100}
    with pytest.raises(ConfigError, match="one_percent='ceil' must be one of floor, "):
        UniversityRetrieval(one_percent="ceil")


def test_a_gallery_of_junk_is_refused() -> None:
    index = index_of(np.array([1]), np.array([-1, -1]))
    with pytest.raises(DatasetError, match="all images of the gallery are junk"):
        UniversityRetrieval([TASK]).measure(torch.eye(3), index, ())

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dist import get_dist_info

from geoloc.evaluation import HierarchicalRetrieval, sharding
from geoloc.evaluation.results import load_run
from geoloc.registry import RERANKERS
from tests.conftest import one_campus
from tests.distributed.processes import in_groups

RERANK: list[dict[str, Any]] = [
    {"type": "KReciprocal", "k1": 4, "k2": 2},
    {"type": "MSRerank", "k1_list": (3, 8), "k2": 2},
    {"type": "AlphaQE", "k": 5},
]


def evaluate(folder: Path) -> dict[str, bytes]:
    """Evaluate as one process of a run, and return what it gave and, from the first, its files.

    Each process describes every n-th image, and some once more, as a sampler does that evens out
    the processes.
    """
    rank, processes = get_dist_info()
    index = one_campus(places=71, views=2)
    generator = torch.Generator().manual_seed(0)
    descriptors = torch.nn.functional.normalize(torch.randn(len(index), 16, generator=generator))
    run = folder / f"run{processes}"
    metric = HierarchicalRetrieval(rerank=RERANK, output_dir=str(run))
    protocol = {"thresholds_m": [3.0, 200.0, 500.0]}
    metric.dataset_meta = {"index": index, "protocol": protocol, **protocol}
    share = -(-len(index) // processes)
    rows = torch.arange(rank, share * processes, processes) % len(index)
    metric.process(None, [{"rows": rows, "descriptors": descriptors[rows]}])
    found = {"values": pickle.dumps(metric.evaluate(len(index)))}
    if rank == 0:
        names = ("metrics.json", "per_query.npz", "descriptors.npy", "index.csv")
        found |= {name: (run / name).read_bytes() for name in names}
    return found


def test_any_number_of_processes_writes_the_same_bytes(tmp_path: Path) -> None:
    found = in_groups(evaluate, tmp_path)
    (alone,) = found[1]
    values = pickle.loads(alone["values"])
    for reranker in RERANK:
        assert f"drone->satellite [{reranker['type']}]/H-AP" in values
    assert sum(value > 0 for value in values.values()) > 50
    for ranks in found.values():
        for name, content in ranks[0].items():
            assert content == alone[name], name
        assert all(rank["values"] == alone["values"] for rank in ranks)


def test_every_registered_reranker_is_among_them() -> None:
    RERANKERS.import_from_location()
    own = {k for k, part in RERANKERS.module_dict.items() if part.__module__.startswith("geoloc.")}
    missing = sorted(own - {reranker["type"] for reranker in RERANK})
    assert not missing, f"add {', '.join(missing)} to RERANK of {__name__}"


def test_per_query_values_are_saved_beside_their_rows(tmp_path: Path) -> None:
    evaluate(tmp_path)
    _, index, content = load_run(tmp_path / "run1")
    with np.load(tmp_path / "run1/per_query.npz") as saved:
        arrays = dict(saved)
    for task in ("drone->satellite", "satellite->drone [KReciprocal]"):
        rows = arrays[f"{task}/row"]
        assert set(index.view[rows]) == {task.partition("->")[0]}
        mean = 100 * arrays[f"{task}/H-AP"].mean()
        assert content[task]["H-AP"] == pytest.approx(mean, rel=1e-12)
        low, high = content["intervals"][task]["H-AP"]
        assert low < mean < high


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("queries", [0, 1, 3, 7, 100])
def test_shares_cover_the_queries_once(queries, processes, monkeypatch):
    monkeypatch.setattr(sharding, "get_world_size", lambda: processes)
    shares = []
    for rank in range(processes):
        monkeypatch.setattr(sharding, "get_rank", lambda rank=rank: rank)
        shares.append(sharding.own_share(queries))
    assert [query for share in shares for query in range(queries)[share]] == list(range(queries))
    sizes = [share.stop - share.start for share in shares]
    assert max(sizes) - min(sizes) <= 1

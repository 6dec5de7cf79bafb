import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing import spawn

from geoloc.evaluation import HierarchicalRetrieval, sharding
from geoloc.evaluation.results import load_run
from tests.conftest import one_campus

RERANK = {"type": "KReciprocal", "k1": 4, "k2": 2}


def evaluate(rank: int, processes: int, folder: Path) -> None:
    """Evaluate as one process of a run; each describes every n-th image, as a sampler does."""
    if processes > 1:
        store = dist.FileStore(str(folder / f"store{processes}"), processes)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=processes)
    index = one_campus(places=70, views=3)
    generator = torch.Generator().manual_seed(0)
    descriptors = torch.nn.functional.normalize(torch.randn(len(index), 16, generator=generator))
    metric = HierarchicalRetrieval(rerank=RERANK, output_dir=str(folder / f"run{processes}"))
    protocol = {"thresholds_m": [3.0, 200.0, 500.0]}
    metric.dataset_meta = {"index": index, "protocol": protocol, **protocol}
    rows = torch.arange(rank, len(index), processes)
    metric.process(None, [{"rows": rows, "descriptors": descriptors[rows]}])
    values = metric.evaluate(len(index))
    (folder / f"values{processes}_{rank}").write_bytes(pickle.dumps(values))
    if processes > 1:
        dist.destroy_process_group()


def test_any_number_of_processes_writes_the_same_bytes(tmp_path: Path) -> None:
    evaluate(0, 1, tmp_path)
    for processes in (2, 4):
        spawn(evaluate, (processes, tmp_path), nprocs=processes)
    whole = (tmp_path / "values1_0").read_bytes()
    assert "drone->satellite [KReciprocal]/H-AP" in pickle.loads(whole)
    for processes in (2, 4):
        for rank in range(processes):
            assert (tmp_path / f"values{processes}_{rank}").read_bytes() == whole
        for name in ("metrics.json", "per_query.npz", "descriptors.npy", "index.csv"):
            one, many = (tmp_path / f"run{number}" / name for number in (1, processes))
            assert one.read_bytes() == many.read_bytes(), name


def test_per_query_values_are_saved_beside_their_rows(tmp_path: Path) -> None:
    evaluate(0, 1, tmp_path)
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

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.errors import ConfigError
from geoloc.evaluation.search import FaissIndex, SearchResult, exact_search, search_recall
from geoloc.evaluation.search.descriptors import blocks_of
from geoloc.evaluation.search.faiss_index import sample_rows
from geoloc.registry import INDEXES

FACTORIES = {
    "Flat": {},
    "IVF8,Flat": {"nprobe": 3},
    "HNSW8": {"efSearch": 40},
    "OPQ2,IVF8,PQ2x2": {"nprobe": 8},
    "IVF8_HNSW4,Flat": {"nprobe": 2, "quantizer_efSearch": 20},
}


def descriptors(rows, seed, dims=16):
    return np.random.default_rng(seed).normal(size=(rows, dims)).astype(np.float32)


GALLERY, QUERY = descriptors(800, 0), descriptors(30, 1)


def built(factory, **arguments):
    index = FaissIndex(factory, FACTORIES.get(factory), **arguments)
    index.train(GALLERY)
    index.add(GALLERY)
    return index


def assert_equal(found, want):
    np.testing.assert_array_equal(found.index, want.index)
    np.testing.assert_array_equal(found.scores, want.scores)


@pytest.mark.parametrize("of_tensors", [True, False])
def test_flat_finds_what_exact_search_finds(of_tensors):
    index = INDEXES.build({"type": "FaissIndex", "factory": "Flat"})
    blocks = (GALLERY[start : start + 90] for start in range(0, 800, 90))
    index.add(map(torch.from_numpy, blocks) if of_tensors else blocks)
    assert len(index) == 800
    found = index.search(torch.from_numpy(QUERY) if of_tensors else QUERY, 25)
    want = exact_search(QUERY, GALLERY, 25)
    np.testing.assert_array_equal(found.index, want.index)
    np.testing.assert_allclose(found.scores, want.scores, rtol=0, atol=1e-5)
    assert (found.scores.dtype, found.index.dtype) == (np.float32, np.int64)


def test_equal_scores_come_by_index():
    index = FaissIndex("Flat")
    index.add(np.tile(GALLERY[:5], (4, 1)))
    found = index.search(QUERY, 20)
    assert np.array_equal(found.index % 5, found.index[:, ::4].repeat(4, axis=1) % 5)
    assert (found.index // 5 == np.tile(np.arange(4), 5)).all()


@pytest.mark.parametrize("factory", FACTORIES)
def test_an_index_is_the_same_again_and_from_its_file(factory, tmp_path):
    index = built(factory, seed=3)
    found = index.search(QUERY, 10)
    assert_equal(built(factory, seed=3).search(QUERY, 10), found)
    index.save(tmp_path / "index")
    loaded = FaissIndex(factory, FACTORIES[factory])
    loaded.load(tmp_path / "index")
    assert_equal(loaded.search(QUERY, 10), found)
    assert len(loaded) == 800


def test_parameters_reach_the_search():
    exact = exact_search(QUERY, GALLERY, 20)
    recall = {}
    for nprobe in (1, 4, 8):
        index = FaissIndex("IVF8,Flat", {"nprobe": nprobe})
        index.train(GALLERY)
        index.add(GALLERY)
        recall[nprobe] = search_recall(index.search(QUERY, 10), exact, [10])["recall@10"]
    assert recall[1] < recall[4] < recall[8] == 1


def test_the_seed_chooses_the_training_rows():
    found = [built("IVF8,Flat", train_size=400, seed=seed).search(QUERY, 10) for seed in (0, 0, 1)]
    assert_equal(found[0], found[1])
    assert not np.array_equal(found[0].index, found[2].index)


def test_fewer_items_than_k_leave_places_empty():
    index = FaissIndex("IVF8,Flat", {"nprobe": 1})
    index.train(GALLERY)
    index.add(GALLERY[:50])
    found = index.search(QUERY, 50)
    empty = found.index < 0
    assert empty.any()
    assert (found.index[empty] == -1).all()
    assert (found.scores[empty] == -np.inf).all()
    assert (np.diff(empty.astype(int), axis=1) >= 0).all()


@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(1, 80), st.integers(1, 60), st.integers(0, 9))
def test_a_sample_is_drawn_without_repetition_whatever_the_blocks(rows, size, cut, seed):
    numbered = np.arange(rows, dtype=np.float32)[:, None]
    sample = sample_rows(blocks_of(numbered, cut), size, seed)
    assert len(sample) == len(set(sample[:, 0])) == min(rows, size)
    assert np.array_equal(sample, sample_rows(blocks_of(numbered, rows), size, seed))
    everything = sample_rows(blocks_of(numbered, cut), None, seed)
    assert sorted(everything[:, 0]) == list(range(rows))
    assert np.array_equal(everything[: len(sample)], sample)


def test_every_row_is_sampled_equally_often():
    counts = np.zeros(10)
    for seed in range(500):
        sample = sample_rows(blocks_of(np.arange(10.0)[:, None], 3), 4, seed)
        counts[sample[:, 0].astype(int)] += 1
    # 200 expected; the standard deviation of a count is 11
    assert (abs(counts - 200) < 50).all()


def result(index, scores):
    return SearchResult(np.array(scores, np.float32), np.array(index))


def test_recall_counts_the_exact_first_k_in_any_order():
    exact = result([[4, 7, 1], [2, 0, 9]], [[0.9, 0.8, 0.7], [0.5, 0.4, 0.3]])
    found = result([[7, 4, 3], [5, -1, -1]], [[9, 9, 9], [9, -np.inf, -np.inf]])
    # query 0 misses rank 1, has both of the first two, and two of three; query 1 has nothing
    want = {"recall@1": 0, "recall@2": 0.5, "recall@3": 1 / 3}
    assert search_recall(found, exact, (1, 2, 3)) == pytest.approx(want)
    assert search_recall(exact, exact, (1, 2, 3)) == {f"recall@{k}": 1 for k in (1, 2, 3)}


def test_recall_counts_items_that_score_like_the_last_exact_one():
    exact = result([[4, 7, 1, 8]], [[0.9, 0.9, 0.7, 0.7]])
    found = result([[7, 8, 4, 1]], [[1, 1, 1, 1]])
    # 7 scores like 4; of the first two, 8 is neither 4 nor 7; 8 scores like 1
    assert search_recall(found, exact, (1, 2, 3)) == {"recall@1": 1, "recall@2": 0.5, "recall@3": 1}


def test_recall_does_not_mix_up_queries():
    exact = result([[0, 1], [10, 11]], [[2, 1], [2, 1]])
    found = result([[10, 11], [0, 1]], [[2, 1], [2, 1]])
    assert search_recall(found, exact, [2]) == {"recall@2": 0}


@pytest.mark.parametrize(
    ("queries", "depth", "message"),
    [
        (2, 1, "got 2 found and 3 exact"),
        (3, 0, r"depth 0 must be in 1 \.\. 2"),
        (3, 3, r"depth 3 must be in 1 \.\. 2"),
    ],
)
def test_recall_of_other_queries_or_too_deep_is_refused(queries, depth, message):
    found, exact = (result(np.zeros((n, 2), int), np.zeros((n, 2))) for n in (queries, 3))
    with pytest.raises(ValueError, match=message):
        search_recall(found, exact, [depth])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factory": "IVFF8"}, "factory='IVFF8' is no index .* width 16: could not parse"),
        ({"factory": "PQ5"}, "factory='PQ5' is no index .* should be a multiple of the number"),
        ({"factory": "IVF900,Flat"}, r"cannot be trained on 800 .*points \(800\) .*clusters"),
        ({"factory": "IVF8,Flat", "train_size": 7}, "cannot be trained on 7 descriptors"),
        ({"factory": "Flat", "train_size": 0}, "train_size=0 must be at least 1"),
        *(
            ({"factory": "IVF8,Flat", "parameters": {name: value}}, f"{{'{name}': {value!r}}} does")
            for name, value in (("nprob", 3), ("efSearch", 3), ("nprobe", "many"))
        ),
    ],
)
def test_configs_that_cannot_work_are_answered_in_one_sentence(arguments, message):
    with pytest.raises(ConfigError, match=message) as caught:
        FaissIndex(**arguments).train(GALLERY)
    assert "\n" not in str(caught.value)
    assert ".cpp" not in str(caught.value)


def test_steps_out_of_order_are_named(tmp_path):
    index = FaissIndex("IVF8,Flat")
    with pytest.raises(ValueError, match="gallery is empty"):
        index.search(QUERY, 1)
    with pytest.raises(ValueError, match="no index to save"):
        index.save(tmp_path / "index")
    with pytest.raises(ConfigError, match="has to be trained before"):
        index.add(GALLERY)
    with pytest.raises(ConfigError, match="train\\(\\) got no descriptors"):
        index.train(GALLERY[:0])
    with pytest.raises(ConfigError, match="train\\(\\) got no descriptors"):
        index.train([])
    index.train(GALLERY)
    with pytest.raises(ValueError, match="gallery is empty"):
        index.search(QUERY, 1)


def test_arrays_that_cannot_work_are_named():
    index = FaissIndex("Flat")
    index.add(GALLERY)
    for k in (0, 801):
        with pytest.raises(ValueError, match=rf"k={k} must be in 1 \.\. 800"):
            index.search(QUERY, k)
    with pytest.raises(ValueError, match="queries are 4 wide, those before are 16"):
        index.search(QUERY[:, :4], 1)
    with pytest.raises(ValueError, match="descriptors are 4 wide, those before are 16"):
        index.add(GALLERY[:, :4])
    bad = GALLERY.copy()
    bad[70, 3] = np.nan
    with pytest.raises(ValueError, match="descriptor of item 70 contains NaN or infinity"):
        index.add(iter([bad[:60], bad[60:]]))
    with pytest.raises(ValueError, match="descriptor of query 70 contains NaN or infinity"):
        index.search(bad, 1)


def test_files_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "index"
    with pytest.raises(ConfigError, match="index cannot be read as an index: could not open"):
        FaissIndex("Flat").load(path)
    path.write_text("no index at all")
    with pytest.raises(ConfigError, match="cannot be read as an index"):
        FaissIndex("Flat").load(path)
    built("IVF8,Flat").save(path)
    with pytest.raises(ConfigError, match="holds IndexIVFFlat, but factory='HNSW8' describes"):
        FaissIndex("HNSW8").load(path)

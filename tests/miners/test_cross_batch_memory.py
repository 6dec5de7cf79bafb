import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.engine.checkpoint import check_weights_fit
from geoloc.errors import CheckpointError, ConfigError
from geoloc.models.miners import CrossBatchMemory
from geoloc.models.miners.checksum import state_checksum

BATCHES = st.lists(st.lists(st.integers(0, 30), min_size=4, max_size=4), min_size=1, max_size=12)


def fill(memory, batches):
    """Enqueue batches whose descriptors tell (row, step)."""
    for step, rows in enumerate(batches, start=1):
        rows = torch.tensor(rows)
        descriptors = torch.stack([rows, torch.full_like(rows, step)], dim=1).float()
        memory.enqueue({"image": rows}, rows // 3, {"image": descriptors.requires_grad_()})
    return memory


def entries(memory):
    kept = memory["image"]
    return list(zip(kept.rows.tolist(), kept.labels.tolist(), kept.steps.tolist(), strict=True))


@given(BATCHES, st.integers(1, 5), st.sampled_from(["batch", "sample"]))
@settings(max_examples=150)
def test_it_is_a_queue_without_duplicates(batches, size, unit):
    memory = fill(CrossBatchMemory(["image"], size, unit), batches)
    expected = []  # the same in plain lists, newest first
    for step, rows in enumerate(batches, start=1):
        first = [(row, row // 3, step) for row in dict.fromkeys(rows)]
        expected = first + [entry for entry in expected if entry[0] not in rows]
        if unit == "sample":
            expected = expected[:size]
        expected = [entry for entry in expected if unit == "sample" or entry[2] > step - size]
    assert entries(memory) == expected
    told = memory["image"].descriptors
    assert not told.requires_grad
    assert told.tolist() == [[row, step] for row, _, step in expected]


@pytest.mark.parametrize("size", [1, 3])
def test_length_is_exactly_min_t_m_batches(size):
    memory = CrossBatchMemory(["drone", "satellite"], size)
    for step in range(1, 7):
        rows = {"drone": torch.arange(4) + 4 * step, "satellite": torch.arange(4) + 100 * step}
        descriptors = dict.fromkeys(rows, torch.zeros(4, 2))
        memory.enqueue(rows, torch.arange(4), descriptors)
        for view in rows:
            assert len(memory[view]) == 4 * min(step, size)
            newest_first = list(range(step, step - min(step, size), -1))
            assert memory[view].steps.unique_consecutive().tolist() == newest_first


def test_refreshing_takes_the_first_of_several_and_leaves_older_graphs_alone():
    memory = fill(CrossBatchMemory(["image"], 2), [[0, 1, 2, 3]])["image"]
    query = torch.ones(1, 2, requires_grad=True)
    before = memory.descriptors.clone()
    product = query @ memory.descriptors.T
    memory.refresh(torch.tensor([2, 0, 2]), torch.tensor([[7.0, 7], [8, 8], [9, 9]]))
    assert memory.descriptors.tolist() == [[8, 8], before[1].tolist(), [7, 7], before[3].tolist()]
    product.sum().backward()
    torch.testing.assert_close(query.grad[0], before.sum(dim=0))


def test_state_is_restored_into_an_empty_memory(tmp_path):
    memory = fill(CrossBatchMemory(["image"], 2), [[0, 1, 2, 3], [4, 5, 6, 7], [1, 8, 9, 10]])
    torch.save(memory.state_dict(), tmp_path / "memory.pth")
    state = torch.load(tmp_path / "memory.pth", weights_only=True)
    empty = CrossBatchMemory(["image"], 2)
    check_weights_fit(empty, state)
    empty.load_state_dict(state)
    assert entries(empty) == entries(memory)
    assert state_checksum(empty) == state_checksum(memory)
    assert fill(empty, [[5, 6, 0, 1]]).step == 4
    with pytest.raises(CheckpointError, match=r"views\.street\.rows is missing"):
        check_weights_fit(CrossBatchMemory(["image", "street"], 2), state)


def test_checksum_sees_every_bit():
    first, second = (fill(CrossBatchMemory(["image"], 2), [[0, 1, 2, 3]]) for _ in range(2))
    assert state_checksum(first) == state_checksum(second)
    value = second["image"].descriptors[2, 1]
    value.copy_(torch.nextafter(value, torch.tensor(9.0)))
    assert state_checksum(first) != state_checksum(second)


def test_impossible_settings_are_named():
    with pytest.raises(ConfigError, match="memory_size=0"):
        CrossBatchMemory(["image"], 0)
    with pytest.raises(ConfigError, match="memory_unit='step' must be one of batch, sample"):
        CrossBatchMemory(["image"], 1, "step")

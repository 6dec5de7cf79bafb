import numpy as np
import pytest
import torch

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.models.miners import CrossBatchMemory, GlobalBatch
from geoloc.models.miners.hardest_negative import HardestNegatives, hardest_negative

LEFT_RIGHT = ("drone", "satellite")


def test_nearest_allowed_candidate_by_plain_loops():
    generator = torch.Generator().manual_seed(0)
    anchors = torch.randn(7, 5, generator=generator)
    candidates = torch.randn(20, 5, generator=generator)
    allowed = torch.rand(7, 20, generator=generator) < 0.2
    allowed[3] = False
    positions, found = hardest_negative(anchors, candidates, allowed)
    for i in range(7):
        cosines = {
            m: float(torch.nn.functional.cosine_similarity(anchors[i], candidates[m], dim=0))
            for m in range(20)
            if allowed[i, m]
        }
        assert bool(found[i]) == bool(cosines)
        if cosines:
            assert int(positions[i]) == max(cosines, key=cosines.get)


@pytest.mark.parametrize("ties", [[2, 5], [0, 9], [7, 8, 9]])
def test_ties_go_to_the_youngest(ties):
    candidates = torch.eye(10)[torch.arange(10)]
    candidates[ties] = torch.tensor([3.0] + [4.0] + [0.0] * 8)
    anchor = torch.tensor([[0.6, 0.8] + [0.0] * 8])
    positions, _ = hardest_negative(anchor, candidates, torch.ones(1, 10, dtype=torch.bool))
    assert int(positions) == ties[0]
    blocked = torch.ones(1, 10, dtype=torch.bool)
    blocked[0, ties[0]] = False
    assert int(hardest_negative(anchor, candidates, blocked)[0]) == ties[1]


def levels_of(metres, thresholds):
    distance = np.abs(np.subtract.outer(metres, metres))
    table = sum((distance <= limit).astype(np.int8) for limit in thresholds)
    return DistanceLevels(torch.from_numpy(table), len(thresholds))


@pytest.fixture
def scene():
    """Return a memory of places 0 .. 5 along a line, and a batch of the places 0 and 1.

    All remembered descriptors lie at one point; the anchors' search is decided by who is allowed.
    """
    metres = [0.0, 10_000.0, 20.0, 100.0, 400.0, 900.0]
    memory = CrossBatchMemory(LEFT_RIGHT, 10)
    for label in range(6):
        rows = {"drone": torch.tensor([label]), "satellite": torch.tensor([100 + label])}
        memory.enqueue(rows, torch.tensor([label]), dict.fromkeys(LEFT_RIGHT, torch.ones(1, 3)))
    batch = GlobalBatch(
        dict.fromkeys(LEFT_RIGHT, torch.ones(2, 3)),
        torch.tensor([0, 1]),
        {"drone": torch.tensor([50, 51]), "satellite": torch.tensor([60, 61])},
        levels_of(metres, (3, 200, 500)),
    )
    return memory, batch, metres


def chosen(memory, mined):
    rows = memory["satellite"].rows[mined.positions]
    return [int(row) if ok else None for row, ok in zip(rows, mined.found, strict=True)]


def allowed_in_turn(search, memory, batch):
    """Return the rows that the first anchor may get, by taking away the choice again and again."""
    rows = []
    while (row := chosen(memory, search(batch, memory, LEFT_RIGHT))[0]) is not None:
        assert row - 100 not in rows
        rows.append(row - 100)
        taken = {**batch.rows, "satellite": torch.tensor([row, *batch.rows["satellite"]])}
        batch = batch._replace(rows=taken)
    return rows


def test_neither_the_place_nor_a_near_one_is_chosen(scene):
    memory, batch, metres = scene
    assert allowed_in_turn(HardestNegatives(1, None), memory, batch) == [5, 1]  # youngest first
    assert allowed_in_turn(HardestNegatives(2, None), memory, batch) == [5, 4, 1]
    assert allowed_in_turn(HardestNegatives(3, None), memory, batch) == [5, 4, 3, 2, 1]
    assert allowed_in_turn(HardestNegatives(9, None), memory, batch) == [5, 4, 3, 2, 1]
    search = HardestNegatives(3, 25.0)
    search.nearby = levels_of(metres, (25.0,))
    assert allowed_in_turn(search, memory, batch) == [5, 4, 3, 1]


def test_an_image_of_the_batch_is_never_chosen(scene):
    memory, batch, _ = scene
    rows = {"drone": batch.rows["drone"], "satellite": torch.tensor([105, 101])}
    assert allowed_in_turn(HardestNegatives(1, None), memory, batch._replace(rows=rows)) == []
    # the row of another view means another image
    other = {"drone": torch.tensor([105, 101]), "satellite": batch.rows["satellite"]}
    assert allowed_in_turn(HardestNegatives(1, None), memory, batch._replace(rows=other)) == [5, 1]

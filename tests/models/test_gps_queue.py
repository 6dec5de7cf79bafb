import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.gps_queue import GpsQueue


def positions(*numbers: float) -> torch.Tensor:
    return torch.tensor([[number, -number] for number in numbers], dtype=torch.float64)


def test_the_oldest_slots_are_overwritten_in_a_ring() -> None:
    queue = GpsQueue(size=6)
    for step in range(4):  # 4 batches of 2 in 6 slots
        queue.enqueue(positions(2 * step, 2 * step + 1))
    assert queue.degrees[:, 0].tolist() == [6, 7, 2, 3, 4, 5]
    assert int(queue.pointer) == 2
    assert int(queue.stored) == 6
    assert queue.contents().valid.all()


def test_unfilled_slots_are_no_negatives_by_default() -> None:
    torch.manual_seed(0)
    queue = GpsQueue(size=6)
    assert (queue.degrees.abs().amax(dim=0) > 20).all()  # all over the Earth
    assert not queue.contents().valid.any()
    queue.enqueue(positions(1, 2))
    assert queue.contents().valid.tolist() == [True] * 2 + [False] * 4
    assert GpsQueue(size=6, mask_unfilled=False).contents().valid.all()


def test_official_start_is_within_a_degree_of_the_origin() -> None:
    queue = GpsQueue(size=50, official_init=True)
    torch.testing.assert_close(queue.degrees.norm(dim=1), torch.ones(50).double())
    contents = queue.contents()
    assert contents.valid.all()
    assert not contents.known.any()


def test_features_move_in_step_with_their_positions() -> None:
    queue = GpsQueue(size=4, official_init=True)
    queue.enqueue(positions(1, 2), torch.tensor([[1.0] * 3, [2.0] * 3], requires_grad=True))
    contents = queue.contents()
    assert contents.known.tolist() == [True, True, False, False]
    assert contents.valid.all()
    assert not contents.features.requires_grad
    queue.enqueue(positions(3, 4), torch.tensor([[3.0] * 3, [4.0] * 3]))
    queue.enqueue(positions(5, 6), torch.tensor([[5.0] * 3, [6.0] * 3]))
    assert (queue.features.double() == queue.degrees[:, :1]).all()
    assert contents.features[0, 0] == 1  # a copy, as it was
    assert contents.latlon[0, 0] == 1


def test_a_new_queue_takes_over_a_saved_one() -> None:
    queue, resumed = GpsQueue(size=4), GpsQueue(size=4)
    queue.enqueue(positions(1, 2), torch.ones(2, 3))
    resumed.load_state_dict(queue.state_dict())
    for each in (queue, resumed):
        each.enqueue(positions(3, 4), torch.ones(2, 3))
    for name, value in queue.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_the_queue_holds_whole_batches() -> None:
    with pytest.raises(ConfigError, match=r"queue.size=10 must be a multiple .* 4; set .*size=12"):
        GpsQueue(size=10).enqueue(positions(1, 2, 3, 4))
    with pytest.raises(ConfigError, match=r"queue.size=0 must be positive"):
        GpsQueue(size=0)

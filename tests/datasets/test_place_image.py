import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets import PlaceImageSampler
from geoloc.errors import ConfigError
from geoloc.registry import SAMPLERS
from tests.datasets.sampler_contract import (
    check_order,
    check_order_is_of_seed_and_epoch,
    check_ranks_are_one_process,
    full_batches,
    places,
    repeated,
)

COUNTS = st.lists(st.integers(1, 13), min_size=1, max_size=10)


@given(COUNTS, st.integers(1, 4), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=200)
def test_every_batch_has_k_images_of_each_of_p_places(counts, images, per_batch, seed):
    dataset = places(repeated(counts))
    groups = [count // images for count in counts]
    if per_batch > sum(group > 0 for group in groups):
        with pytest.raises(ConfigError, match=f"needs {per_batch} places"):
            PlaceImageSampler(dataset, per_batch * images, images, seed=seed)
        return
    sampler = PlaceImageSampler(dataset, per_batch * images, images, seed=seed)
    batches = check_order(sampler, per_batch * images, len(dataset.place_labels))
    assert len(batches) == full_batches(groups, per_batch)
    assert len(np.unique(batches)) == batches.size  # no image twice
    for batch in batches:
        shown, times = np.unique(dataset.place_labels[batch], return_counts=True)
        assert len(shown) == per_batch
        assert set(times) == {images}
    drawn = np.bincount(dataset.place_labels[batches.ravel()], minlength=len(counts)) // images
    assert all(drawn >= np.minimum(groups, len(batches)) - 1)  # no place pays for the others


@given(COUNTS, st.integers(1, 3), st.integers(1, 2), st.integers(2, 3), st.integers(0, 99))
@settings(max_examples=60)
def test_ranks_together_are_one_process(counts, images, per_rank, world_size, seed):
    if sum(count >= images for count in counts) < per_rank * world_size:
        return
    build = functools.partial(
        PlaceImageSampler, places(repeated(counts)), images_per_place=images, seed=seed
    )
    check_ranks_are_one_process(build, per_rank * images, world_size)


def test_order_is_a_function_of_seed_and_epoch():
    dataset = places(repeated([9] * 20))
    check_order_is_of_seed_and_epoch(functools.partial(PlaceImageSampler, dataset), 16)
    built = SAMPLERS.build(
        {"type": "PlaceImageSampler", "batch_size": 16}, default_args={"dataset": dataset}
    )
    assert built.images_per_place == 4


def test_no_place_is_favoured_early_or_late():
    """The official sweep uses the first places up first; here any is as likely in any batch."""
    dataset = places(repeated([8] * 9))
    sampler = PlaceImageSampler(dataset, 12, 4, seed=0)
    hits = np.zeros((6, 9))
    for epoch in range(600):
        sampler.set_epoch(epoch)
        batches = dataset.place_labels[list(sampler)].reshape(6, 3, 4)[:, :, 0]
        for number, batch in enumerate(batches):
            hits[number, batch] += 1
    np.testing.assert_allclose(hits, 200, atol=60)  # standard deviation 11.5


def test_the_leftover_images_change_from_epoch_to_epoch():
    dataset = places(repeated([5] * 8))
    sampler = PlaceImageSampler(dataset, 8, 2, seed=0)
    used = np.zeros(40)
    for epoch in range(400):
        sampler.set_epoch(epoch)
        used[list(sampler)] += 1
    np.testing.assert_allclose(used, 320, atol=45)  # 4 of 5 images, standard deviation 8


def test_messages_name_numbers_and_a_fix_that_works(caplog):
    dataset = places(repeated([4] * 5 + [3] * 2))
    with pytest.raises(ConfigError, match=r"batch_size=10 must be a multiple of .*=4, .* 8"):
        PlaceImageSampler(dataset, 10, seed=0)
    with pytest.raises(ConfigError, match=r"batch of 24 needs 6 places.*has 5; .*at most 20"):
        PlaceImageSampler(dataset, 24, seed=0)
    assert len(PlaceImageSampler(dataset, 20, seed=0)) == 20
    with pytest.raises(ConfigError, match="images_per_place=0 must be at least 1"):
        PlaceImageSampler(dataset, 8, 0, seed=0)
    with pytest.raises(ConfigError, match="PlaceImageSampler batches_per_epoch=0"):
        PlaceImageSampler(dataset, 8, seed=0, batches_per_epoch=0)

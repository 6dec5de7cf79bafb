"""Every registered sampler shares its batches out to the processes exactly."""

import numpy as np
import pytest

from geoloc.datasets.samplers import GlobalMiningSampler
from geoloc.registry import SAMPLERS
from tests.datasets.sampler_contract import check_ranks_are_one_process, places, repeated

PLACES, IMAGES, BATCH = 58, 3, 12
OPTIONS = {
    "DynamicSimilaritySampler": {"neighbour_select": 4, "neighbour_range": 9},
    "GPSSampler": {"neighbour_select": 4, "neighbour_range": 9},
    "GlobalMiningSampler": {},
    "HierarchicalSampler": {"images_per_place": 3, "label_column": -1},
    "NearPlaceSampler": {},
    "PlaceImageSampler": {"images_per_place": 3},
    "UniquePlaceSampler": {},
}


def dataset():
    """Return places in four classes, a few hundred metres apart."""
    generator = np.random.default_rng(0)
    labels = np.arange(PLACES)
    return places(
        repeated([IMAGES] * PLACES),
        place_latlon=generator.uniform((29.99, 113.99), (30.01, 114.01), (PLACES, 2)),
        label_columns=np.stack([labels, labels % 4], axis=1),
        thresholds_m=(3.0, 200.0, 500.0),
    )


def build(kind: str, batch_size: int):
    config = {"type": kind, "batch_size": batch_size, "seed": 5, **OPTIONS[kind]}
    sampler = SAMPLERS.build(config, default_args={"dataset": dataset()})
    if isinstance(sampler, GlobalMiningSampler):
        first = repeated([IMAGES] * PLACES)
        sampler.set_candidates((first[:, None] + [1, 2, 3]) % PLACES)
    return sampler


def test_no_registered_sampler_lacks_options():
    SAMPLERS.import_from_location()
    own = {k for k, part in SAMPLERS.module_dict.items() if part.__module__.startswith("geoloc.")}
    missing = sorted(own - set(OPTIONS))
    assert not missing, (
        f"add the options of {', '.join(missing)} to OPTIONS of {__name__}: no test tells that "
        "its ranks together are one process"
    )


@pytest.mark.parametrize("world_size", [1, 2, 4])
@pytest.mark.parametrize("kind", OPTIONS)
def test_the_ranks_together_are_one_process_in_every_epoch(kind, world_size):
    for epoch in (0, 3):
        check_ranks_are_one_process(
            lambda batch_size: build(kind, batch_size), BATCH // world_size, world_size, epoch
        )


def test_a_short_last_batch_is_among_the_cases():
    assert len(build("UniquePlaceSampler", BATCH)) % BATCH % 4 == 2

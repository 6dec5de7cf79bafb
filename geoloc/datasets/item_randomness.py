"""Random numbers that depend on the item alone, not on the worker that loads it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def item_randomness(
    seed: int, epoch: int, item: int, step: int = 0
) -> Iterator[np.random.Generator]:
    """Seed every global random stream from its arguments, and restore them afterwards.

    Transforms draw from ``random``, ``np.random`` and torch's CPU generator. Seeding all three
    makes augmentation the same for any number of workers, processes and resumed runs.

    Args:
        seed: The run's seed.
        epoch: The epoch.
        item: The item, or the image, within the dataset.
        step: Tells several loads of it within an epoch apart; 0 for the batch's own.

    Yields:
        A generator of the item's own.
    """
    own, python, numpy_, torch_ = np.random.SeedSequence([seed, epoch, item, step]).spawn(4)
    before = random.getstate(), np.random.get_state(), torch.default_generator.get_state()  # noqa: NPY002
    random.seed(int(python.generate_state(1, np.uint64)[0]))
    np.random.seed(int(numpy_.generate_state(1)[0]))  # noqa: NPY002
    torch.default_generator.manual_seed(int(torch_.generate_state(1)[0]))
    try:
        yield np.random.default_rng(own)
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.default_generator.set_state(before[2])

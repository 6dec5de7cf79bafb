"""Initial weights that depend on the seed and the part alone, not on the rest of the model."""

from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

import torch


@contextmanager
def random_stream(name: str) -> Iterator[None]:
    """Draw torch's CPU random numbers inside the block from a stream of its own.

    Two methods that differ in a loss start from the same network that way: whatever the loss
    draws, the parts built after it draw what they would have drawn without it.

    Args:
        name: Tells the streams of one seed apart.
    """
    generator = torch.default_generator
    before = generator.get_state()
    generator.manual_seed((generator.initial_seed() + crc32(name.encode())) % 2**63)
    try:
        yield
    finally:
        generator.set_state(before)

"""Random numbers that depend on what they are drawn for, not on what else draws."""

from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

import torch
from mmengine.dist import broadcast


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


@contextmanager
def common_randomness(device: torch.device) -> Iterator[None]:
    """Draw the same random numbers on every process inside the block.

    The generators of the processes differ in a training, so that no two augment or drop alike; but
    what a loss draws about the global batch must be the same for all. The first process's generator
    decides, as it does in a run of one process.

    Args:
        device: Where numbers are drawn.
    """
    seed = torch.randint(2**31, (), dtype=torch.int64)
    broadcast(seed)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(seed))
        yield

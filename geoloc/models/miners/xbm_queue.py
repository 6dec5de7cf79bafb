"""The queue of the official cross-batch memory code, with its peculiarities."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.growing_buffers import GrowingBuffers


class ViewQueue(GrowingBuffers):
    """K slots of one view.

    Attributes:
        slot_labels: int64 ``[K]``, 0 where nothing was written.
        slot_descriptors: ``[K, D]``, empty before the first batch.
        pointer: The slot that comes next.
    """

    growing_buffers = ("slot_descriptors",)
    slot_labels: Tensor
    slot_descriptors: Tensor
    pointer: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("slot_labels", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("slot_descriptors", torch.empty(0, 0))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))

    def __len__(self) -> int:
        """Return the number of slots in use; a last label of 0 is taken for an empty slot."""
        return self.size if self.slot_labels[-1] != 0 else int(self.pointer)

    @property
    def labels(self) -> Tensor:
        """The labels of the slots in use."""
        return self.slot_labels[: len(self)]

    @property
    def descriptors(self) -> Tensor:
        """The descriptors of the slots in use."""
        return self.slot_descriptors[: len(self)]

    @torch.no_grad()
    def enqueue(self, labels: Tensor, descriptors: Tensor) -> None:
        """Write a batch; one that does not fit goes over the last slots.

        Raises:
            ConfigError: If the batch is larger than the queue.
        """
        if len(labels) > self.size:
            raise ConfigError(
                f"model.miner.memory_size={self.size} is smaller than a batch of {len(labels)}; "
                "with official=True it must hold one"
            )
        slots = (
            self.slot_descriptors.clone()  # a loss may still need the old ones
            if len(self.slot_descriptors)
            else descriptors.new_zeros(self.size, descriptors.shape[1])
        )
        start, wraps = int(self.pointer), int(self.pointer) + len(labels) > self.size
        start = self.size - len(labels) if wraps else start
        slots[start : start + len(labels)] = descriptors.detach()
        self.slot_descriptors = slots
        self.slot_labels[start : start + len(labels)] = labels
        self.pointer.fill_(0 if wraps else start + len(labels))


class XBMQueues(nn.Module):
    """The official queue, one per view.

    Known from research-xbm: a batch that does not fit behind the pointer overwrites the *last*
    slots, and the pointer returns to 0. So the youngest entries are lost, not the oldest, and
    when the pointer stands at K the next batch replaces the one before. The queue counts as full
    if its last label is not 0, which misreads a place with label 0 there.

    Args:
        views: Names of the views.
        memory_size: K.

    Raises:
        ConfigError: If ``memory_size`` is below 1.
    """

    def __init__(self, views: Sequence[str], memory_size: int) -> None:
        super().__init__()
        if memory_size < 1:
            raise ConfigError(f"memory_size={memory_size} must be at least 1.")
        self.views = nn.ModuleDict({view: ViewQueue(memory_size) for view in views})

    def __getitem__(self, view: str) -> ViewQueue:
        queue = self.views[view]
        assert isinstance(queue, ViewQueue)
        return queue

    def __len__(self) -> int:
        """Return the number of slots in use of all views."""
        return sum(len(self[view]) for view in self.views)

    def enqueue(
        self, rows: Mapping[str, Tensor], labels: Tensor, descriptors: Mapping[str, Tensor]
    ) -> None:
        """Write a global batch; arguments as for :class:`CrossBatchMemory`, ``rows`` not used."""
        for view in self.views:
            self[view].enqueue(labels, descriptors[view])

"""What the network said about the images of the last mini-batches."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.growing_buffers import GrowingBuffers

UNITS = ("batch", "sample")


class ViewMemory(GrowingBuffers):
    """The remembered images of one view, newest first and each image once.

    Attributes:
        rows: Row of each image in the dataset's index, int64 ``[m]``.
        labels: Its place label, int64 ``[m]``.
        steps: Number of the batch it came with, int64 ``[m]``.
        descriptors: Its descriptor, without gradient, ``[m, D]``.
    """

    growing_buffers = ("rows", "labels", "steps", "descriptors")
    rows: Tensor
    labels: Tensor
    steps: Tensor
    descriptors: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("rows", "labels", "steps"):
            self.register_buffer(name, torch.empty(0, dtype=torch.int64))
        self.register_buffer("descriptors", torch.empty(0, 0))

    def __len__(self) -> int:
        """Return m, the number of remembered images."""
        return len(self.rows)

    @torch.no_grad()
    def enqueue(self, rows: Tensor, labels: Tensor, descriptors: Tensor, step: Tensor) -> None:
        """Put a batch in front; an image that was there already moves, it is not doubled.

        Args:
            rows: int64 ``[n]``.
            labels: int64 ``[n]``.
            descriptors: ``[n, D]``.
            step: Number of the batch, an int64 scalar.
        """
        first = ~(rows[:, None] == rows).tril(-1).any(dim=1)
        kept = ~torch.isin(self.rows, rows)
        older = self.descriptors[kept] if len(self) else descriptors[:0]
        self.descriptors = torch.cat([descriptors.detach()[first], older])
        self.labels = torch.cat([labels[first], self.labels[kept]])
        self.steps = torch.cat([step.expand(int(first.sum())), self.steps[kept]])
        self.rows = torch.cat([rows[first], self.rows[kept]])

    def keep(self, number: int) -> None:
        """Forget all but the newest ``number`` images."""
        for name in self.growing_buffers:
            setattr(self, name, getattr(self, name)[:number])

    @torch.no_grad()
    def refresh(self, positions: Tensor, descriptors: Tensor) -> None:
        """Replace the descriptors of some images.

        Of several descriptors for one image the first is taken, on every kind of device, so that
        the replicas of all processes stay equal to the last bit.

        Args:
            positions: Positions in the memory, int64 ``[n]``.
            descriptors: ``[n, D]``.
        """
        number = torch.arange(len(positions), device=positions.device)
        source = number.new_full((len(self),), len(positions))
        source.scatter_reduce_(0, positions, number, "amin")
        changed = source < len(positions)
        refreshed = self.descriptors.clone()  # a loss may still need the old ones for its gradient
        refreshed[changed] = descriptors.detach()[source[changed]]
        self.descriptors = refreshed


class CrossBatchMemory(nn.Module):
    """First-in first-out memory of the mini-batches seen last, by view.

    Every process keeps the same replica, because it is updated from gathered batches only. All
    state is in buffers: it is saved with the model and restored into any number of processes.

    Known (DOCB paper): a memory of M = 20, 200 or 1000. Inferred: M counts mini-batches, since
    M = 20 is smaller than the paper's batch of 32; ``memory_unit='sample'`` is the other reading.
    Inferred, too: an image that is drawn again replaces its older entry.

    Args:
        views: Names of the views.
        memory_size: M.
        memory_unit: ``'batch'`` for M global batches, ``'sample'`` for M images of each view.

    Raises:
        ConfigError: If ``memory_size`` is below 1 or ``memory_unit`` unknown.
    """

    step: Tensor

    def __init__(self, views: Sequence[str], memory_size: int, memory_unit: str = "batch") -> None:
        super().__init__()
        if memory_size < 1:
            raise ConfigError(f"memory_size={memory_size} must be at least 1.")
        if memory_unit not in UNITS:
            raise ConfigError(f"memory_unit={memory_unit!r} must be one of {', '.join(UNITS)}.")
        self.memory_size = memory_size
        self.memory_unit = memory_unit
        self.views = nn.ModuleDict({view: ViewMemory() for view in views})
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def __getitem__(self, view: str) -> ViewMemory:
        memory = self.views[view]
        assert isinstance(memory, ViewMemory)
        return memory

    def __len__(self) -> int:
        """Return the number of remembered images of all views."""
        return sum(len(self[view]) for view in self.views)

    def enqueue(
        self, rows: Mapping[str, Tensor], labels: Tensor, descriptors: Mapping[str, Tensor]
    ) -> None:
        """Remember a global batch and forget what is too old.

        Args:
            rows: int64 ``{view: [N]}``.
            labels: Place labels of the pairs, int64 ``[N]``.
            descriptors: ``{view: [N, D]}``.
        """
        self.step += 1
        for view in self.views:
            memory = self[view]
            memory.enqueue(rows[view], labels, descriptors[view], self.step)
            if self.memory_unit == "sample":
                memory.keep(self.memory_size)
            else:
                memory.keep(int((memory.steps > self.step - self.memory_size).sum()))

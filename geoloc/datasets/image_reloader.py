"""Load chosen training images again, in the background processes of a data loader."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

CHUNK = 8  # images per message of a worker
Request = tuple[str, int, int]


class ReloadableDataset(Protocol):
    """A dataset that can load one image again, with an augmentation of its own for every step."""

    def reload(self, view: str, row: int, step: int) -> Tensor:
        """Return image ``row`` of ``view``, uint8 ``[3,H,W]``."""


class ImageReloader:
    """Loads images by view and row whenever they are asked for.

    Threads would mix up the global random streams that transforms draw from, so the work is
    shared out to processes, which live as long as the reloader.

    Args:
        dataset: The training dataset.
        num_workers: Number of processes; 0 loads in the calling process.
    """

    def __init__(self, dataset: ReloadableDataset, num_workers: int = 0) -> None:
        self._requests: list[list[Request]] = []
        self._loader = DataLoader(
            _Reloads(dataset),
            batch_sampler=self._requests,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            collate_fn=torch.stack,
            generator=torch.Generator(),  # its own, or every call would advance the global one
        )

    def __call__(self, rows: Mapping[str, Sequence[int]], step: int) -> dict[str, Tensor]:
        """Load images, each once, whatever its number of requests.

        Args:
            rows: Rows of the dataset's index by view, ``{view: [n]}``, n >= 1.
            step: Number of the training step, which selects the augmentation.

        Returns:
            uint8 ``{view: [n,3,H,W]}``.

        Raises:
            ImageError: If a file cannot be decoded.
        """
        unique = {view: list(dict.fromkeys(wanted)) for view, wanted in rows.items()}
        chunks = [
            [(view, row, step) for row in wanted[start : start + CHUNK]]
            for view, wanted in unique.items()
            for start in range(0, len(wanted), CHUNK)
        ]
        self._requests[:] = chunks
        loaded: dict[str, list[Tensor]] = {view: [] for view in rows}
        for chunk, images in zip(chunks, self._loader, strict=True):
            loaded[chunk[0][0]].append(images)
        return {
            view: torch.cat(loaded[view])[[unique[view].index(row) for row in wanted]]
            for view, wanted in rows.items()
        }


class _Reloads(Dataset[Tensor]):
    """The dataset behind a loader whose indices are requests."""

    def __init__(self, dataset: ReloadableDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, request: Request) -> Tensor:
        return self.dataset.reload(*request)

"""Exact search behind the interface of an index."""

from geoloc.evaluation.search.descriptors import (
    DescriptorBlocks,
    Descriptors,
    check_shape,
    parts_of,
)
from geoloc.evaluation.search.exact import search_blocks
from geoloc.evaluation.search.result import SearchResult
from geoloc.registry import INDEXES


@INDEXES.register_module()
class ExactIndex:
    """A gallery that is searched by :func:`geoloc.evaluation.search.exact_search`.

    It refers to the descriptors as they are given, and copies nothing: memory maps stay on disk.

    Args:
        max_memory_mb: Working memory of a search in MB.
    """

    def __init__(self, max_memory_mb: int = 256) -> None:
        self.max_memory_mb = max_memory_mb
        self.blocks: list[Descriptors] = []

    def __len__(self) -> int:
        """Return the number of gallery items."""
        return sum(map(len, self.blocks))

    def train(self, descriptors: DescriptorBlocks) -> None:
        """Do nothing: there is nothing to learn."""

    def add(self, descriptors: DescriptorBlocks) -> None:
        """Append gallery items ``[N, D]``, or an iterable of blocks of them.

        Raises:
            ValueError: If their shape or width cannot work.
        """
        for block in parts_of(descriptors):
            check_shape("the descriptors", block, self.blocks[0].shape[1] if self.blocks else None)
            self.blocks.append(block)

    def search(self, query: Descriptors, k: int) -> SearchResult:
        """Find the k best of everything that was added; see :func:`search_blocks`."""
        return search_blocks(query, self.blocks, k, self.max_memory_mb)

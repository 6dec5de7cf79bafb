"""Approximate search by any index that faiss can build."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import faiss
import numpy as np
import torch
from numpy.typing import NDArray

from geoloc.errors import ConfigError
from geoloc.evaluation.search.descriptors import (
    DescriptorBlocks,
    Descriptors,
    blocks_of,
    check_shape,
)
from geoloc.evaluation.search.result import SearchResult
from geoloc.registry import INDEXES

ROWS_PER_BLOCK = 2**16


@INDEXES.register_module()
class FaissIndex:
    """An index of faiss for inner products: less memory or time than exact search, some misses.

    The same descriptors in the same order, with the same seed, factory and number of threads, give
    the same index. Work is done in as many threads as torch uses, but for graphs (HNSW, NSG), which
    come out differently whenever several threads build them: those are built in one.

    Args:
        factory: What ``faiss.index_factory`` understands: ``"Flat"``, ``"IVF1024,Flat"``,
            ``"IVF4096,PQ64"``, ``"HNSW32"``, ``"OPQ64,IVF4096,PQ64x8"``.
        parameters: Search parameters by faiss's names, such as ``nprobe``, ``efSearch``,
            ``quantizer_efSearch``, ``k_factor_rf``.
        train_size: Descriptors to train on, a random sample of those given; None for all.
        seed: Of the sample and its order, from which faiss's k-means takes its start.
    """

    def __init__(
        self,
        factory: str,
        parameters: Mapping[str, float] | None = None,
        train_size: int | None = None,
        seed: int = 0,
    ) -> None:
        if train_size is not None and train_size < 1:
            raise ConfigError(f"train_size={train_size} must be at least 1, or None for all.")
        self.factory = factory
        self.parameters = dict(parameters or {})
        self.train_size = train_size
        self.seed = seed
        self.index: faiss.Index | None = None

    def __len__(self) -> int:
        """Return the number of gallery items."""
        return self.index.ntotal if self.index is not None else 0

    def train(self, descriptors: DescriptorBlocks) -> None:
        """Start an empty index and learn its cells and codes.

        Args:
            descriptors: Descriptors like those of the gallery, ``[N, D]`` or an iterable of blocks.

        Raises:
            ConfigError: If faiss cannot build or train such an index; too few descriptors, say.
            ValueError: If a descriptor is not finite, or widths differ.
        """
        sample = sample_rows(blocks_of(descriptors, ROWS_PER_BLOCK), self.train_size, self.seed)
        index = self._empty(sample.shape[1])
        try:
            with self._building():
                index.train(sample)
        except RuntimeError as error:
            raise ConfigError(
                f"factory={self.factory!r} cannot be trained on {len(sample)} descriptors of width "
                f"{sample.shape[1]}: {_reason(error)}."
            ) from None
        self.index = index

    def add(self, descriptors: DescriptorBlocks) -> None:
        """Append gallery items, block by block.

        Args:
            descriptors: Descriptors ``[N, D]``, or an iterable of blocks, of which only one is in
                memory at a time.

        Raises:
            ConfigError: If the index has to be trained first.
            ValueError: If a descriptor is not finite, or widths differ.
        """
        for block in blocks_of(descriptors, ROWS_PER_BLOCK):
            if self.index is None:
                self.index = self._empty(block.shape[1])
            check_shape("the descriptors", block, self.index.d)
            if not self.index.is_trained:
                raise ConfigError(
                    f"factory={self.factory!r} has to be trained before descriptors are added: "
                    "call train() with a sample of them."
                )
            with self._building():
                self.index.add(block.numpy())

    def search(self, query: Descriptors, k: int) -> SearchResult:
        """Find k items for every query.

        Args:
            query: Descriptors ``[Q, D]``.
            k: Items per query, 1 .. the number of items.

        Returns:
            The scores are those of the compressed descriptors, where the index compresses.

        Raises:
            ValueError: If ``k`` or the width cannot work, or a descriptor is not finite.
        """
        if self.index is None or not len(self):
            raise ValueError("the gallery is empty: there is nothing to find.")
        if not 1 <= k <= len(self):
            raise ValueError(f"k={k} must be in 1 .. {len(self)}, the size of the gallery.")
        check_shape("the queries", query, self.index.d)
        scores = np.empty((len(query), k), np.float32)
        index = np.empty((len(query), k), np.int64)
        first = 0
        with _threads(torch.get_num_threads()):
            for block in blocks_of(query, ROWS_PER_BLOCK, "query"):
                rows = slice(first, first + len(block))
                scores[rows], index[rows] = self.index.search(block.numpy(), k)
                first = rows.stop
        scores[index < 0] = -np.inf
        order = np.lexsort((index, -scores))  # faiss leaves the order of equal scores open
        return SearchResult(
            np.take_along_axis(scores, order, axis=1), np.take_along_axis(index, order, axis=1)
        )

    def save(self, path: str | Path) -> None:
        """Write the index to a file of faiss's format."""
        if self.index is None:
            raise ValueError("there is no index to save: add descriptors first.")
        faiss.write_index(self.index, str(path))

    def load(self, path: str | Path) -> None:
        """Read what :meth:`save` wrote, in place of what is held; ``parameters`` apply to it.

        Raises:
            ConfigError: If the file holds no index, or one that ``factory`` does not describe.
        """
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise ConfigError(f"{path} cannot be read as an index: {_reason(error)}.") from None
        # Written and read, because some classes come back as another one
        described = faiss.deserialize_index(faiss.serialize_index(self._empty(index.d)))
        if type(index) is not type(described) or index.metric_type != described.metric_type:
            raise ConfigError(
                f"{path} holds {type(index).__name__}, but factory={self.factory!r} describes "
                f"{type(described).__name__} for inner products: use the factory it was built with."
            )
        self._set_parameters(index)
        self.index = index

    def _empty(self, width: int) -> faiss.Index:
        try:
            index = faiss.index_factory(width, self.factory, faiss.METRIC_INNER_PRODUCT)
        except RuntimeError as error:
            raise ConfigError(
                f"factory={self.factory!r} is no index for descriptors of width {width}: "
                f"{_reason(error)}."
            ) from None
        self._set_parameters(index)
        return index

    def _set_parameters(self, index: faiss.Index) -> None:
        for name, value in self.parameters.items():
            try:
                faiss.ParameterSpace().set_index_parameter(index, name, value)
            except (RuntimeError, TypeError):  # an unknown name, no number
                raise ConfigError(
                    f"parameters={{{name!r}: {value!r}}} does not fit factory={self.factory!r}: "
                    "nprobe belongs to IVF, efSearch to HNSW, quantizer_efSearch to IVF with HNSW."
                ) from None

    def _building(self) -> AbstractContextManager[None]:
        graph = "HNSW" in self.factory or "NSG" in self.factory
        return _threads(1 if graph else torch.get_num_threads())


def sample_rows(blocks: Iterator[torch.Tensor], size: int | None, seed: int) -> NDArray[np.float32]:
    """Draw rows from a stream of blocks in random order, every subset equally likely.

    Args:
        blocks: float32 ``[r, D]``.
        size: Rows to draw; None, or more than there are, for all.
        seed: Of the draw, which does not depend on the cut into blocks.

    Raises:
        ConfigError: If there is no row.
    """
    generator = np.random.default_rng(seed)
    if size is None:
        parts = [block.numpy() for block in blocks]
        _check_some(sum(map(len, parts)))
        rows: NDArray[np.float32] = np.concatenate(parts)
        return rows[np.argsort(generator.random(len(rows)))]
    # Every row draws a lot, and the smallest lots stay; what enters takes the room of what leaves.
    seen, lots, kept = 0, np.full(size, np.inf), np.empty((size, 0), np.float32)
    for block in blocks:
        if not seen:
            kept = np.empty((size, block.shape[1]), np.float32)
        new = generator.random(len(block))
        smallest = np.argpartition(np.concatenate([lots, new]), size - 1)[:size]
        leaving = np.setdiff1d(np.arange(size), smallest)
        entering = smallest[smallest >= size] - size
        kept[leaving], lots[leaving] = block.numpy()[entering], new[entering]
        seen += len(block)
    _check_some(seen)
    return kept[np.argsort(lots)[:seen]]


def _check_some(rows: int) -> None:
    if not rows:
        raise ConfigError("train() got no descriptors: give a sample of the gallery's.")


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _reason(error: RuntimeError) -> str:
    """Return what faiss says without where in its code it says so."""
    return re.sub(r".*\.\w+:\d+: (Error: '.*' failed: )?", "", str(error), flags=re.DOTALL)

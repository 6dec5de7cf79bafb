"""Search in the parts of a gallery, exact or with an index whose finds are scored exactly."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.evaluation.search import FaissIndex, SearchResult, search_blocks
from geoloc.localization.checked_file import check_content, record_of
from geoloc.localization.descriptor_codes import decode
from geoloc.localization.gallery_manifest import IndexRecord
from geoloc.localization.gallery_part import GalleryPart
from geoloc.localization.gallery_rows import ROWS_PER_BLOCK
from geoloc.whole_files import whole_path

LARGE = 200_000  # rows, from which on an index is worth its errors
CANDIDATES_PER_RESULT = 10
TRAINING_ROWS_PER_CELL = 40


def exact_result(
    parts: Sequence[GalleryPart], query: NDArray[Any], k: int, first: int = 0
) -> SearchResult:
    """Find the k rows of highest cosine of every query ``[Q, D]``, equal scores by row.

    Args:
        parts: The gallery.
        query: float32 ``[Q, D]``.
        k: Results per query, up to the number of rows.
        first: Row to begin with.
    """
    found = search_blocks(query, _blocks(parts, first), k)
    return SearchResult(found.scores, found.index + first)


def indexed_result(
    index: FaissIndex, parts: Sequence[GalleryPart], query: NDArray[Any], k: int
) -> SearchResult:
    """Find k rows of every query ``[Q, D]``, most of them the best.

    The index proposes ten times as many of the rows it holds. They are scored exactly, and so are
    all rows added after it was built. Arguments as above; where too few were found, the row is -1
    and its score ``-inf``.
    """
    first, rows = len(index), sum(map(len, parts))
    proposed = index.search(query, min(CANDIDATES_PER_RESULT * k, first)).index
    later = exact_result(parts, query, min(k, rows - first), first) if rows > first else None
    scores = np.full((len(query), k), -np.inf, np.float32)
    found = np.full((len(query), k), -1, np.int64)
    for number, candidates in enumerate(proposed):
        known = np.unique(candidates[candidates >= 0])
        if later is not None:
            known = np.concatenate([known, later.index[number]])
        # in float64, rounded once, and by row: the order of exact search
        values = take(parts, known).astype(np.float64) @ query[number].astype(np.float64)
        rounded = values.astype(np.float32)
        best = np.lexsort((known, -rounded))[:k]
        scores[number, : best.size], found[number, : best.size] = rounded[best], known[best]
    return SearchResult(scores, found)


def build_index(
    file: Path, parts: Sequence[GalleryPart], factory: str | None = None, nprobe: int = 32
) -> IndexRecord:
    """Train an index on a sample, add all rows, and write it in one step.

    Args:
        file: To write.
        parts: The rows.
        factory: Of faiss; by default inverted lists of 8-bit codes, at most 4 sqrt(n) lists.
        nprobe: Lists that are looked into.
    """
    rows = sum(map(len, parts))
    cells = 2 ** int(np.log2(max(1.0, min(4 * rows**0.5, rows / TRAINING_ROWS_PER_CELL))))
    factory = factory or f"IVF{cells},SQ8"
    parameters = {"nprobe": float(min(nprobe, cells))} if "IVF" in factory else {}
    index = FaissIndex(factory, parameters, train_size=TRAINING_ROWS_PER_CELL * cells)
    index.train(_blocks(parts))
    index.add(_blocks(parts))
    with whole_path(file) as part:
        index.save(part)
    return IndexRecord(factory, parameters, rows, record_of(file))


def open_index(folder: Path, record: IndexRecord) -> FaissIndex:
    """Read what ``build_index`` wrote.

    Raises:
        GalleryError: If the file is missing or damaged.
    """
    check_content(folder, record.file)
    index = FaissIndex(record.factory, record.parameters)
    index.load(folder / record.file.name)
    return index


def take(parts: Sequence[GalleryPart], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the descriptors of rows of the gallery, float32 ``[r, D]``."""
    starts = np.cumsum([0, *map(len, parts)])
    part_of = np.searchsorted(starts, rows, side="right") - 1
    taken = np.empty((len(rows), parts[0].descriptors.shape[1]), np.float32)
    for number in np.unique(part_of):
        own = part_of == number
        taken[own] = decode(parts[number].descriptors[rows[own] - starts[number]])
    return taken


def _blocks(parts: Iterable[GalleryPart], first: int = 0) -> Iterator[NDArray[Any]]:
    """Yield the descriptors from row ``first`` on, in types that the search reads."""
    for part in parts:
        rows = part.descriptors[first:]
        first = max(0, first - len(part))
        if rows.dtype == np.int8:
            starts = range(0, len(rows), ROWS_PER_BLOCK)
            yield from (decode(rows[start : start + ROWS_PER_BLOCK]) for start in starts)
        elif len(rows):
            yield rows

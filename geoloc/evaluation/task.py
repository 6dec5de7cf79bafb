"""Retrieval tasks: which images of an index are asked about, and which are searched."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import PlaceLevels
from geoloc.errors import ConfigError, DatasetError
from geoloc.evaluation.ranking import RankedChunk, rank, rank_by_distance, ranked_levels
from geoloc.evaluation.rerank.rerankers import Reranker
from geoloc.evaluation.sharding import gather_shares, own_share


class TaskRows(NamedTuple):
    """The images of a task.

    Attributes:
        query: Rows of the index that are asked about, int64 ``[Q]``.
        gallery: Rows of the index that are searched, int64 ``[G]``.
    """

    query: NDArray[np.int64]
    gallery: NDArray[np.int64]


def task_rows(task: str, index: Index) -> TaskRows:
    """Find the images of a task.

    Args:
        task: ``query->gallery``, both sides a view (``drone``) or a split and a view
            (``query/drone``). Without a split all images of the view take part.
        index: The test images.

    Raises:
        ConfigError: If the task is not of that form.
        DatasetError: If a side has no image.
    """
    query, arrow, gallery = task.partition("->")
    if not (query and arrow and gallery):
        raise ConfigError(
            f"task {task!r} is not of the form 'drone->satellite' or "
            "'query/drone->gallery/satellite'"
        )
    return TaskRows(_side(task, query, index), _side(task, gallery, index))


def _side(task: str, side: str, index: Index) -> NDArray[np.int64]:
    split, _, view = side.rpartition("/")
    chosen = index.view == view
    if split:
        chosen &= index.split == split
    rows = np.flatnonzero(chosen)
    if not rows.size:
        parts = sorted({f"{a}/{b}" for a, b in zip(index.split, index.view, strict=True)})
        raise DatasetError(
            f"task {task!r}: there is no image of {side!r}; the index holds {', '.join(parts)}"
        )
    return rows


def identical_items(rows: TaskRows, index: Index, by_name: bool = False) -> Tensor | None:
    """Find every query in its own gallery.

    An image that finds itself tells nothing about a model; it is left out of the ranking.

    Args:
        rows: The images of a task.
        index: The test images.
        by_name: Query and gallery folder hold copies of the same images under the same file
            names. Otherwise an image is identical to itself only, as in a task that searches the
            queries themselves.

    Returns:
        Position in the gallery of each query, -1 where it is not there, int64 ``[Q]``; None if no
        query is.

    Raises:
        DatasetError: If the gallery has a file name twice and ``by_name`` needs it.
    """
    query, gallery = rows.query.tolist(), rows.gallery.tolist()
    if by_name and not set(query) & set(gallery):
        query, gallery = (
            [str(path).rpartition("/")[2] for path in index.path[side].tolist()] for side in rows
        )
    position = {key: item for item, key in enumerate(gallery)}
    if len(position) < len(gallery):
        twice = next(key for item, key in enumerate(gallery) if position[key] != item)
        raise DatasetError(
            f"file name {twice!r} appears twice in the gallery, so that it does not tell which of "
            "them is the query's image"
        )
    found = torch.tensor([position.get(key, -1) for key in query])
    return found if bool((found >= 0).any()) else None


def metrics_per_query(
    descriptors: Tensor,
    index: Index,
    levels: PlaceLevels,
    rows: TaskRows,
    metrics: Callable[[RankedChunk], dict[str, Tensor]],
    exclude: Tensor | None = None,
    reranker: Reranker | None = None,
) -> dict[str, Tensor]:
    """Rank a task once, chunk by chunk, and return the metrics of every query.

    Every process of a distributed run must call this; each ranks its share of the queries.

    Args:
        descriptors: L2-normalised, float32 ``[n, D]``; row i describes row i of ``index``. The
            ranking is computed on their device.
        index: The test images.
        levels: Levels between its places.
        rows: The images of the task.
        metrics: Returns ``{name: [q]}`` for a chunk of ranked galleries; the chunk's ``queries``
            count in ``rows.query``.
        exclude: The gallery item of each query that does not count, as ``identical_items`` says.
        reranker: Gives the distances to rank by, instead of the descriptors themselves.

    Returns:
        ``{name: [Q]}`` on the CPU, the same on every process.
    """
    device = descriptors.device
    levels = levels.to(device)
    query, gallery = (descriptors[side] for side in rows)
    query_place, gallery_place = (
        torch.from_numpy(index.place_labels[side]).to(device) for side in rows
    )
    own = own_share(len(query))
    own_exclude = None if exclude is None else exclude[own].to(device)
    if reranker is None:
        ranking = rank(query[own], gallery, exclude=own_exclude)
    else:
        ranking = rank_by_distance(reranker(query, gallery)[own], exclude=own_exclude)
    chunks = ranked_levels(ranking, levels, query_place[own], gallery_place, own_exclude)
    parts = [metrics(_moved(chunk, own.start)) for chunk in chunks]
    names = parts[0] if parts else ()
    return gather_shares({name: torch.cat([part[name] for part in parts]) for name in names})


def _moved(chunk: RankedChunk, start: int) -> RankedChunk:
    """Count the queries of a share's chunk in the whole set."""
    queries = slice(chunk.queries.start + start, chunk.queries.stop + start)
    return chunk._replace(queries=queries)


def check_descriptors(descriptors: Tensor, index: Index) -> None:
    """Check that there is one descriptor per image.

    Raises:
        DatasetError: If there is not.
    """
    if len(descriptors) != len(index):
        raise DatasetError(
            f"{len(descriptors)} descriptors for an index of {len(index)} images; both must come "
            "from the same run"
        )

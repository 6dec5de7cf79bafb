"""The first k of a softmax over a million candidates."""

from collections.abc import Iterator

import torch
from torch import Tensor

from geoloc.evaluation.search.result import index_of, order_keys, scores_of
from geoloc.models.losses.precision import full_precision

PAIRS_PER_TILE = 2**22  # logits at once: 16 MB


def most_probable(images: Tensor, locations: Tensor, scale: float, k: int) -> tuple[Tensor, Tensor]:
    """Return the first k of a softmax over scaled cosines, without holding all of them.

    Args:
        images: Normalised ``[n, D]``.
        locations: Normalised ``[G, D]``.
        scale: Factor on the cosines.
        k: 1 .. G.

    Returns:
        Indices int64 ``[n, k]``, equal probabilities in the order of the index, and probabilities
        float32 ``[n, k]``.
    """
    with torch.no_grad(), full_precision(images) as (images,):
        best = torch.empty(len(images), 0, dtype=torch.int64, device=images.device)
        total = torch.full((len(images),), -torch.inf, dtype=torch.float64, device=images.device)
        for index in _tiles(len(images), len(locations), images.device):
            logits = scale * (images @ locations[index[0] : index[-1] + 1].T)
            total = torch.logaddexp(total, logits.logsumexp(dim=1).double())
            least = logits.topk(min(k, len(index)), dim=1).values[:, -1:]
            columns = (logits >= least).any(dim=0).nonzero()[:, 0]  # few, unless many are equal
            tile = order_keys(logits[:, columns], index[columns])
            best = torch.cat([best, tile], dim=1)
            best = best.topk(min(k, best.shape[1]), dim=1, largest=False, sorted=True).values
        return index_of(best), torch.exp(scores_of(best) - total[:, None]).float()


def _tiles(rows: int, columns: int, device: torch.device) -> Iterator[Tensor]:
    width = max(1, PAIRS_PER_TILE // max(rows, 1))
    for start in range(0, columns, width):
        yield torch.arange(start, min(start + width, columns), device=device)

"""Distances by a registered similarity, for rankings that inner products cannot give."""

import torch
from torch import Tensor, nn

PAIRS = 2**15  # compared at a time: with 64 columns of float32 an azimuth takes 8 MB


class PairwiseDistance:
    """Negative similarities, computed for some queries at a time: a ``Reranker``.

    The matrix is kept as a whole, float32 ``[Q, G]``: 316 MB for CVUSA.

    Args:
        similarity: Maps descriptors ``[N, D]`` and ``[M, D]`` to similarities ``[N, M]``.
    """

    def __init__(self, similarity: nn.Module) -> None:
        self.similarity = similarity

    @torch.no_grad()
    def __call__(self, query: Tensor, gallery: Tensor) -> Tensor:
        """Return the distances ``[Q, G]`` of descriptors ``[Q, D]`` and ``[G, D]``."""
        blocks = torch.split(query, max(1, PAIRS // max(1, len(gallery))))
        return torch.cat([-self.similarity(block, gallery) for block in blocks])

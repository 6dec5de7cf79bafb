"""Re-ranking by config: what an evaluator's ``rerank`` names."""

from collections.abc import Callable, Sequence

from torch import Tensor

from geoloc.evaluation.rerank.k1 import DA_CAMPUS_K1
from geoloc.evaluation.rerank.k_reciprocal import k_reciprocal_rerank
from geoloc.evaluation.rerank.multi_scale import multi_scale_rerank
from geoloc.evaluation.rerank.query_expansion import average_query_expansion
from geoloc.registry import RERANKERS

Reranker = Callable[[Tensor, Tensor], Tensor]
"""Called with descriptors ``[Q, D]`` and ``[G, D]`` it returns distances ``[Q, G]``."""


@RERANKERS.register_module()
class KReciprocal:
    """``k_reciprocal_rerank`` with fixed arguments; they are described there."""

    def __init__(
        self,
        k1: int = 20,
        k2: int = 6,
        lam: float = 0.3,
        distance: str = "cosine",
        clip_k: bool = False,
    ) -> None:
        self.k1, self.k2, self.lam = k1, k2, lam
        self.distance, self.clip_k = distance, clip_k

    def __call__(self, query: Tensor, gallery: Tensor) -> Tensor:
        """Return the distances ``[Q, G]``."""
        return k_reciprocal_rerank(
            query,
            gallery,
            self.k1,
            self.k2,
            self.lam,
            distance=self.distance,
            clip_k=self.clip_k,
        )


@RERANKERS.register_module()
class MSRerank:
    """``multi_scale_rerank`` with fixed arguments; they are described there."""

    def __init__(
        self,
        k1_list: Sequence[int] = DA_CAMPUS_K1,
        k2: int = 6,
        lam: float = 0.3,
        variant: str = "segment",
        clip_k: bool = False,
    ) -> None:
        self.k1_list, self.k2, self.lam = tuple(k1_list), k2, lam
        self.variant, self.clip_k = variant, clip_k

    def __call__(self, query: Tensor, gallery: Tensor) -> Tensor:
        """Return the distances ``[Q, G]``."""
        return multi_scale_rerank(
            query, gallery, self.k1_list, self.k2, self.lam, self.variant, clip_k=self.clip_k
        )


@RERANKERS.register_module()
class AlphaQE:
    """Cosine distances after ``average_query_expansion``, whose arguments these are."""

    def __init__(self, k: int = 50, alpha: float = 3.0) -> None:
        self.k, self.alpha = k, alpha

    def __call__(self, query: Tensor, gallery: Tensor) -> Tensor:
        """Return the distances ``[Q, G]``."""
        expanded = average_query_expansion(query, gallery, self.k, self.alpha)
        return 1 - (expanded.double() @ gallery.double().T).float()

"""How the terms of a loss over pairs or triplets become one number."""

from torch import Tensor

from geoloc.errors import ConfigError

REDUCTIONS = ("mean", "nonzero")


def check_reduction(reduction: str, *more: str) -> None:
    """Raise ``ConfigError`` unless ``reduction`` is 'mean', 'nonzero' or one of ``more``."""
    known = (*REDUCTIONS, *more)
    if reduction not in known:
        raise ConfigError(f"reduction={reduction!r} must be one of {', '.join(known)}.")


def reduce_terms(terms: Tensor, selected: Tensor, reduction: str) -> Tensor:
    """Return the mean of the selected terms or of the positive ones among them, 0 if none.

    Args:
        terms: Floating, at least 0.
        selected: Bool, of the same shape.
        reduction: ``'mean'`` or ``'nonzero'``.
    """
    terms = terms.masked_fill(~selected, 0)
    count = terms.count_nonzero() if reduction == "nonzero" else selected.sum()
    return terms.sum() / count.clamp_min(1)

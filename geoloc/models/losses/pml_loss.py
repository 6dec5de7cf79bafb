"""Losses and miners of pytorch-metric-learning on pairs of views."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.pair_loss import check_pair_shapes
from geoloc.models.losses.precision import full_precision
from geoloc.models.random_stream import common_randomness
from geoloc.registry import LOSSES, close_matches

PACKAGE = "pytorch_metric_learning"
PARTS = ("distances", "reducers", "regularizers")

Pairs = tuple[Tensor, ...]
"""Indices ``(anchor, positive, anchor, negative)``, or ``(anchor, positive, negative)``."""


@LOSSES.register_module()
class PMLLoss(nn.Module):
    r"""Any tuple loss of pytorch-metric-learning (Musgrave et al., 2020) between two views.

    For every level r in ``levels``, the items of level r or higher are the positives of an anchor
    and all others its negatives; the loss is the sum over r. The pairs are handed over as indices
    and the gallery as ``ref_emb``, so that levels need not come from labels.

    ``loss``, ``miner`` and what they contain are configs of that package's classes::

        dict(type='PMLLoss', levels=(3, 2, 1), miner=dict(type='MultiSimilarityMiner'),
             loss=dict(type='TripletMarginLoss', margin=0.1, reducer=dict(type='MeanReducer')))

    A miner is given labels. Where those do not exist, because the anchors share only some of their
    positives, it mines one anchor at a time; that is the same for every miner that compares an
    anchor with its own pairs, but slow. A miner that draws at random draws the same on every
    process.

    Args:
        loss: Config of a class in ``pytorch_metric_learning.losses`` that works on pairs or
            triplets of indices.
        miner: Config of a class in ``pytorch_metric_learning.miners``. All pairs by default.
        levels: Lowest level of a positive, one per term of the sum.

    Raises:
        ConfigError: If the package is missing, a config does not build, the loss cannot compare
            two views by indices, or ``levels`` is empty.
    """

    def __init__(
        self,
        loss: Mapping[str, Any],
        miner: Mapping[str, Any] | None = None,
        levels: Sequence[int] = (3,),
    ) -> None:
        super().__init__()
        if not levels:
            raise ConfigError("levels=() needs the lowest level of a positive, at least one.")
        self.levels = tuple(levels)
        self.tuple_loss = _build("loss", loss, ["losses"])
        self.miner = _build("miner", miner, ["miners"]) if miner else None
        _check_compares_views(self.tuple_loss)

    def forward(self, query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
        """Return the loss of one direction.

        Args:
            query: Descriptors ``[N, D]``, the anchors.
            gallery: Descriptors ``[M, D]`` of the other view.
            levels: Levels ``[N, M]``, any integer dtype, higher is nearer.

        Returns:
            A scalar, float32 (float64 for float64 descriptors).

        Raises:
            ValueError: If the shapes do not fit together.
        """
        check_pair_shapes(query, gallery, levels)
        with full_precision(query, gallery) as (query, gallery):
            return self._sum_over_levels(query, gallery, levels, torch.ones_like(levels).bool())

    def within(self, descriptors: Tensor, levels: Tensor) -> Tensor:
        """Return the loss of every item of a batch against all others of the same view.

        Args:
            descriptors: ``[N, D]``.
            levels: Levels ``[N, N]``, any integer dtype.

        Raises:
            ValueError: If the shapes do not fit together.
        """
        check_pair_shapes(descriptors, descriptors, levels)
        with full_precision(descriptors) as (descriptors,):
            others = torch.ones_like(levels).bool().fill_diagonal_(False)
            return self._sum_over_levels(descriptors, descriptors, levels, others)

    def _sum_over_levels(
        self, query: Tensor, gallery: Tensor, levels: Tensor, candidate: Tensor
    ) -> Tensor:
        terms = []
        for level in self.levels:
            pairs = self._pairs(query, gallery, levels >= level, candidate)
            terms.append(self.tuple_loss(query, indices_tuple=pairs, ref_emb=gallery))
        return torch.stack(terms).sum()

    def _pairs(self, query: Tensor, gallery: Tensor, positive: Tensor, candidate: Tensor) -> Pairs:
        if self.miner is not None:
            with common_randomness(query.device):
                return _mine(self.miner, query, gallery, positive, candidate)
        kinds = positive & candidate, ~positive & candidate
        return tuple(index for kind in kinds for index in kind.nonzero(as_tuple=True))


def _mine(
    miner: nn.Module, query: Tensor, gallery: Tensor, positive: Tensor, candidate: Tensor
) -> Pairs:
    # Anchors that share all positives or none have labels: the number of their positives' set.
    patterns, label = torch.unique(positive, dim=0, return_inverse=True)
    if (patterns.sum(dim=0) <= 1).all():
        ref_label = torch.where(patterns.any(dim=0), patterns.int().argmax(dim=0), -1)
        reference = (gallery, ref_label) if candidate.all() else ()  # itself, without the diagonal
        mined: Pairs = miner(query, label, *reference)
        return mined
    rows = [
        _mine_anchor(miner, i, query, gallery[candidate[i]], positive[i], candidate[i])
        for i in range(len(query))
    ]
    return tuple(torch.cat(index) for index in zip(*rows, strict=True))


def _mine_anchor(
    miner: nn.Module, row: int, query: Tensor, others: Tensor, positive: Tensor, candidate: Tensor
) -> Pairs:
    """Mine the pairs of one anchor with its candidates, which may leave out itself."""
    ref_label = positive[candidate].long()
    mined = miner(query[row : row + 1], torch.ones_like(ref_label[:1]), others, ref_label)
    columns = candidate.nonzero().flatten()
    anchors = (0, 2) if len(mined) == 4 else (0,)
    return tuple(
        torch.full_like(index, row) if k in anchors else columns[index]
        for k, index in enumerate(mined)
    )


def _build(name: str, cfg: Mapping[str, Any], modules: Iterable[str]) -> nn.Module:
    """Build a config of a class in one of the package's ``modules``, and the configs in it."""
    arguments = dict(cfg)
    kind = arguments.pop("type", None)
    known: dict[str, Any] = {}
    for module in modules:
        known.update(vars(_import(module)))
    if not isinstance(kind, str) or not isinstance(known.get(kind), type):
        hint = " or ".join(close_matches(str(kind), known)) or "its documentation"
        raise ConfigError(f"PMLLoss.{name}: type={kind!r} is not in {PACKAGE}; see {hint}.")
    for key, value in arguments.items():
        if isinstance(value, Mapping):
            arguments[key] = _build(f"{name}.{key}", value, PARTS)
    try:
        built: nn.Module = known[kind](**arguments)
    except TypeError as error:
        raise ConfigError(f"PMLLoss.{name}: {kind} cannot be built: {error}.") from error
    return built


def _import(module: str) -> Any:
    try:
        return importlib.import_module(f"{PACKAGE}.{module}")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"PMLLoss needs a package that is not installed ({error.name}): "
            "pip install pytorch-metric-learning"
        ) from error


def _check_compares_views(loss: nn.Module) -> None:
    """Refuse a loss that needs labels or a single set, before an epoch is lost to it."""
    one, other = torch.eye(2), torch.eye(2).flip(0)
    index = torch.arange(2)
    try:
        loss(one, indices_tuple=(index, index, index, 1 - index), ref_emb=other)
    except Exception as error:  # whatever that package raises
        raise ConfigError(
            f"PMLLoss.loss: {type(loss).__name__} cannot compare two views by pairs of indices "
            f"({error}); take a pair or triplet loss."
        ) from error

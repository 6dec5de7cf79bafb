"""Dynamic online cross-batch hard exemplar mining."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from geoloc.datasets.image_reloader import ImageReloader
from geoloc.errors import ConfigError
from geoloc.models.gather import gather_rows, own_rows
from geoloc.models.losses.logsumexp import softplus
from geoloc.models.losses.precision import full_precision
from geoloc.models.miners.cross_batch_memory import CrossBatchMemory
from geoloc.models.miners.hardest_negative import HardestNegatives, MinedNegatives
from geoloc.models.miners.miner import Describe, Direction, GlobalBatch, Miner, mining_directions
from geoloc.models.miners.start_condition import StartCondition
from geoloc.registry import MINERS


@MINERS.register_module()
class DOCB(Miner):
    r"""The hardest negatives of the last batches, loaded and described again.

    For every anchor a with its partner p, the memory gives the nearest negative m, and

    .. math::
        L_{cb} = \frac{1}{A} \sum_a \log\Bigl(1 + e^{\alpha (d(a, p) - d(a, \hat m))}\Bigr),
        \qquad d(x, y) = 2 - 2 s(x, y)

    with the similarity s, the cosine unless the model has one of its own, so that d is the squared
    distance of normalised descriptors; with the descriptor :math:`\hat m` of the image of m, loaded
    again and sent through the current network *with gradient*; and with the number A of anchors of
    all processes. An anchor without a valid negative adds 0 and counts.

    Known (DOCB paper: abstract, tables, references): the hardest cross-batch negative is selected
    for every anchor under the current state of the network; its image takes part in
    back-propagation; a triplet loss of the batch goes with it; M = 20, 200 or 1000.
    Inferred: everything else, in particular the form of :math:`L_{cb}`, its weight 1, the unit of
    M, mining in both directions, the start and the refreshed memory. All of it can be chosen.

    Which images are negatives is told at :class:`HardestNegatives`. BatchNorm treats the reloaded
    images as it treats the batch, so that their descriptors are comparable with the anchors', but
    does not record their statistics, for they are no sample of the data. The term goes beside any
    pair loss.

    Args:
        views: Views of a pair, given by the model.
        memory_size: M.
        memory_unit: ``'batch'`` or ``'sample'``, see :class:`CrossBatchMemory`.
        alpha: :math:`\alpha`.
        directions: Anchors of ``'both'``, of the ``'query'`` or the ``'gallery'`` views, or of a
            list of views.
        reload: Describe the images again. False uses the remembered descriptors, without
            gradient: the paper's competitor XBM-hard (inferred).
        refresh: Write the descriptors of reloaded images into the memory.
        negative_level: Only places below this level are negatives; 1 for level 0 only.
        exclusion_radius_m: Metres around an anchor within which there are no negatives either
            (25 for CVACT); None leaves it to the level.
        start_epoch: Epoch that begins with mining; 0 mines always.
        start_fraction: Mining begins earlier once fewer than this fraction of the batch's
            triplets have :math:`\alpha (d(a,p) - d(a,n)) > -1`.

    Raises:
        ConfigError: If an argument is out of range or there is only one view.
    """

    def __init__(
        self,
        views: Sequence[str],
        memory_size: int = 20,
        memory_unit: str = "batch",
        alpha: float = 10.0,
        directions: str | Sequence[str] = "both",
        reload: bool = True,
        refresh: bool = True,
        negative_level: int = 1,
        exclusion_radius_m: float | None = None,
        start_epoch: int = 1,
        start_fraction: float = 0.01,
    ) -> None:
        super().__init__()
        if len(views) < 2:
            raise ConfigError("DOCB compares views with each other, but model.views has only one.")
        self.directions = mining_directions(views, directions)
        self.memory = CrossBatchMemory(views, memory_size, memory_unit)
        self.start = StartCondition(alpha, negative_level, start_epoch, start_fraction)
        self.alpha = alpha
        self.reload = reload
        self.refresh = refresh
        self.search = HardestNegatives(negative_level, exclusion_radius_m)
        self.reloader: ImageReloader | None = None

    def set_dataset(self, dataset: Any, num_workers: int = 0) -> None:
        """Receive the training dataset, whose images are loaded again.

        Raises:
            ConfigError: If it cannot reload images, or has no positions for the radius.
        """
        if self.reload and not callable(getattr(dataset, "reload", None)):
            raise ConfigError(
                f"model.miner: DOCB loads training images again, but {type(dataset).__name__} has "
                "no reload(view, row, step); use PairDataset, or set reload=False"
            )
        if self.reload:
            self.reloader = ImageReloader(dataset, num_workers)
        self.search.set_dataset(dataset, self.memory.step.device)

    def set_epoch(self, epoch: int) -> None:
        """Receive the epoch that begins."""
        self.start.epoch = epoch

    def forward(self, batch: GlobalBatch, describe: Describe) -> Tensor:
        """Return :math:`L_{cb}`, 0 before the start, and remember the batch.

        Args:
            batch: The global batch.
            describe: Maps images uint8 ``[n, 3, H, W]`` and their view to descriptors ``[n, D]``.

        Raises:
            ConfigError: If images must be reloaded but no dataset was given.
        """
        loss = next(iter(batch.descriptors.values())).new_zeros(())
        if self.start(batch, self.directions, self.similarity) and len(self.memory):
            mined = {
                pair: self.search(batch, self.memory, pair, self.similarity)
                for pair in self.directions
            }
            if self.reload:
                negatives = self._describe_again(batch, mined, describe)
            else:
                negatives = self._remembered(mined)
            loss = torch.stack(
                [self._loss(batch, key, mined[key].found, negatives[key]) for key in mined]
            ).mean()
            if self.reload and self.refresh:
                for (anchors, view), (positions, found) in mined.items():
                    fresh = negatives[anchors, view][found]
                    self.memory[view].refresh(positions[found], fresh)
        self.memory.enqueue(batch.rows, batch.labels, batch.descriptors)
        return loss

    def _remembered(self, mined: dict[Direction, MinedNegatives]) -> dict[Direction, Tensor]:
        return {
            (anchors, view): self.memory[view].descriptors[positions]
            for (anchors, view), (positions, _) in mined.items()
        }

    def _describe_again(
        self, batch: GlobalBatch, mined: dict[Direction, MinedNegatives], describe: Describe
    ) -> dict[Direction, Tensor]:
        """Return the current descriptors ``[N, D]`` of the mined images, with gradient.

        Every process describes one image per own anchor, so that all see equal shapes: where
        nothing was found, the partner's, which the loss leaves out.
        """
        if self.reloader is None:
            raise ConfigError(
                "model.miner: DOCB needs the training images; add dict(type='MinerHook') to "
                "custom_hooks, or call set_dataset before training"
            )
        rows: dict[str, list[int]] = {}
        for (_, view), (positions, found) in mined.items():
            chosen = torch.where(found, self.memory[view].rows[positions], batch.rows[view])
            rows.setdefault(view, []).extend(own_rows(chosen).tolist())
        images = self.reloader(rows, int(self.memory.step) + 1)
        size = len(own_rows(batch.labels))
        parts = {view: iter(torch.split(describe(images[view], view), size)) for view in rows}
        return {direction: gather_rows(next(parts[direction[1]])) for direction in mined}

    def _loss(
        self, batch: GlobalBatch, direction: Direction, found: Tensor, negatives: Tensor
    ) -> Tensor:
        anchors, partners = (batch.descriptors[view] for view in direction)
        with full_precision(anchors, partners, negatives) as (anchor, partner, negative):
            to_negative, to_partner = (
                self.similarity(anchor, other).diagonal() for other in (negative, partner)
            )
            return (softplus(2 * self.alpha * (to_negative - to_partner)) * found).mean()

"""A class loss summed over the scales of a tree of labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from geoloc.datasets.place_levels import LabelTreeLevels, PlaceLevels
from geoloc.errors import ConfigError
from geoloc.models.losses.class_loss import ClassLoss
from geoloc.registry import LOSSES


@LOSSES.register_module()
class MultiScaleClassLoss(ClassLoss):
    r"""Sum of a class loss over scales: Sum-NSM (Ramzi et al., HAPPIER, ECCV 2022).

    With the class :math:`c_l(y)` of a place y at scale l, from the place itself (l = 0) to the
    coarsest,

    .. math::
        \ell = \sum_{l=0}^{L-1} \ell_l\bigl(x, c_l(y)\bigr)

    where every scale has proxies of its own, one per class. The classes are those of the
    dataset's label tree, numbered in ascending order of their labels; distances on the ground
    form no classes.

    Args:
        loss: Config of the class loss at the finest scale, for example
            ``dict(type="NormalizedSoftmaxLoss", num_places=495, embed_dims=512)``.
        coarser_classes: Number of classes at each coarser scale, finest first.

    Raises:
        ConfigError: If ``loss`` is no class loss, or needs levels itself, or a number is not
            positive.
    """

    class_of_place: Tensor | None

    def __init__(self, loss: Mapping[str, Any], coarser_classes: Sequence[int]) -> None:
        finest = LOSSES.build(dict(loss))
        if not isinstance(finest, ClassLoss) or hasattr(finest, "set_place_levels"):
            raise ConfigError(
                f"loss={dict(loss)} must be a class loss of one scale, such as "
                "NormalizedSoftmaxLoss: it is repeated for the classes of every scale."
            )
        if min(coarser_classes, default=1) <= 0:
            raise ConfigError(f"coarser_classes={tuple(coarser_classes)} must be positive.")
        super().__init__(finest.num_places, *finest.embedding_shape)
        coarser = [LOSSES.build({**loss, "num_places": number}) for number in coarser_classes]
        self.averages_rows = finest.averages_rows
        self.scales = nn.ModuleList([finest, *coarser])
        self.register_buffer("class_of_place", None, persistent=False)

    def set_place_levels(self, levels: PlaceLevels) -> None:
        """Tell the labels of the training places; call it before the first step.

        Args:
            levels: Those of a label tree.

        Raises:
            ConfigError: If they come from distances, or the numbers of classes are not those of
                the loss.
        """
        if not isinstance(levels, LabelTreeLevels):
            raise ConfigError(
                "MultiScaleClassLoss needs a dataset with labels at several scales, such as DyML; "
                "levels from distances form no classes: use a pair loss in MultiScaleLoss."
            )
        columns = levels.labels.unbind(dim=1)
        classes = [torch.unique(column, return_inverse=True) for column in columns]
        found = [len(values) for values, _ in classes]
        expected = [scale.num_places for scale in self.scales]
        if found != expected:
            raise ConfigError(
                f"MultiScaleClassLoss has {expected} classes from the finest scale to the "
                f"coarsest, but the training places have {found}; set loss.num_places={found[0]} "
                f"and coarser_classes={tuple(found[1:])}."
            )
        table = torch.stack([number for _, number in classes], dim=1)  # [C, L]
        self.class_of_place = table.to(next(self.parameters()).device)

    def loss(self, embedding: Tensor, place_label: Tensor) -> Tensor:
        """Return the sum over the scales for an embedding and its labels ``[N]``.

        Raises:
            ConfigError: If :meth:`set_place_levels` was never called.
        """
        if self.class_of_place is None:
            raise ConfigError(
                "MultiScaleClassLoss does not know the classes of the places; call "
                "set_place_levels(levels) before the first step."
            )
        labels = self.class_of_place[place_label].unbind(dim=1)
        pairs = zip(self.scales, labels, strict=True)
        return torch.stack([scale(embedding, label) for scale, label in pairs]).sum()

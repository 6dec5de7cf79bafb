"""The losses of a model, by the name that the log shows."""

import inspect
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

import torch
from mmengine.dist import get_dist_info
from torch import Tensor, nn

from geoloc.datasets.place_levels import Images, PlaceLevels
from geoloc.errors import ConfigError
from geoloc.models.gather import mean_of_processes, own_block, own_rows
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.random_stream import random_stream
from geoloc.registry import LOSSES


class BatchLevels:
    """The levels between the samples of a batch, of which no more is computed than is asked for.

    Args:
        levels: Between the training places.
        samples: The samples of all processes, in rank order.
    """

    def __init__(self, levels: PlaceLevels, samples: Images) -> None:
        self._levels = levels
        self._samples = samples

    @cached_property
    def of_all(self) -> Tensor:
        """Levels of all samples, int8 ``[N, N]``."""
        return self._levels.of_images(self._samples, self._samples)

    @cached_property
    def of_own(self) -> Tensor:
        """Levels of this process's samples with all, int8 ``[n, N]``."""
        places, rows = self._samples
        own = Images(own_rows(places), None if rows is None else own_rows(rows))
        return self._levels.of_images(own, self._samples)


def build_losses(
    configs: Mapping[str, Mapping[str, Any]], num_views: int
) -> tuple[dict[str, float], nn.ModuleDict]:
    """Return the weight and the module of every loss.

    Args:
        configs: ``{name: config}``, each with an optional ``weight``.
        num_views: Number of views; pair losses of a single one compare its images.

    Raises:
        ConfigError: If a config is no dict, or its loss takes neither levels nor place labels.
    """
    weights: dict[str, float] = {}
    losses = nn.ModuleDict()
    for name, cfg in configs.items():
        if not isinstance(cfg, Mapping):
            raise ConfigError(f"model.losses.{name} must be a dict(type=...), got {cfg!r}")
        arguments = dict(cfg)
        weights[name] = float(arguments.pop("weight", 1.0))
        losses[name] = _build(name, arguments)
        parameters = set(inspect.signature(losses[name].forward).parameters)
        if not ({"levels", "place_label"} & parameters):
            raise ConfigError(
                f"model.losses.{name}: {type(losses[name]).__name__}.forward must take "
                "(query, gallery, levels) or (embedding, place_label)"
            )
        if num_views == 1 and is_pair_loss(losses[name]) and not hasattr(losses[name], "within"):
            raise ConfigError(
                f"model.losses.{name}: to compare the images of one view with each other, "
                f"{type(losses[name]).__name__} must derive from geoloc.models.losses.PairLoss"
            )
    return weights, losses


def set_similarity(losses: nn.ModuleDict, similarity: nn.Module) -> None:
    """Let all pair losses compare descriptors by one similarity.

    Raises:
        ConfigError: If one cannot.
    """
    for name, loss in losses.items():
        if isinstance(loss, PairLoss):
            loss.similarity = similarity
        elif is_pair_loss(loss):
            raise ConfigError(
                f"model.losses.{name}: to compare by model.similarity, {type(loss).__name__} must "
                "derive from geoloc.models.losses.PairLoss"
            )


def is_pair_loss(loss: nn.Module) -> bool:
    """Return whether a loss takes two views and their levels, instead of place labels."""
    return "levels" in inspect.signature(loss.forward).parameters


def pair_loss(
    loss: Any, descriptors: Sequence[Tensor], levels: BatchLevels, place_labels: Tensor
) -> Tensor:
    """Return the mean over both directions of all pairs of views, or the loss within one view.

    Processes share the anchors among them, each against the whole batch, where the loss allows it.
    A loss whose ``forward`` has the argument ``places`` gets the place labels of the batch.

    Args:
        loss: The loss.
        descriptors: Descriptors ``[N, D]`` of every view, of all processes.
        levels: Levels of the batch.
        place_labels: int64 ``[N]``.
    """
    if get_dist_info()[1] > 1 and getattr(loss, "can_share_rows", False):
        return mean_of_processes(_of_own_anchors(loss, descriptors, levels))
    asks = "places" in inspect.signature(loss.forward).parameters
    more = {"places": place_labels} if asks else {}
    if len(descriptors) == 1:
        value: Tensor = loss.within(descriptors[0], levels.of_all, **more)
        return value
    pairs, of_all = list(combinations(descriptors, 2)), levels.of_all
    if isinstance(loss, PairLoss):
        return torch.stack([loss.both_directions(*pair, of_all, **more) for pair in pairs]).mean()
    directions = [
        value
        for one, other in pairs
        for value in (loss(one, other, of_all, **more), loss(other, one, of_all.T, **more))
    ]
    return torch.stack(directions).mean()


def _of_own_anchors(loss: PairLoss, descriptors: Sequence[Tensor], levels: BatchLevels) -> Tensor:
    own = own_block(len(descriptors[0]))
    if len(descriptors) == 1:
        return loss.within_of_anchors(descriptors[0], levels.of_own, own)
    pairs = combinations(descriptors, 2)
    return torch.stack([loss.of_anchors(*pair, levels.of_own, own) for pair in pairs]).mean()


def class_loss(loss: Any, embeddings: Sequence[Tensor], place_labels: Tensor) -> Tensor:
    """Return the mean of a class loss over the views, of the images of all processes.

    Args:
        loss: The loss.
        embeddings: Embeddings ``[N, ...]`` of every view, of all processes.
        place_labels: int64 ``[N]``.
    """
    if not getattr(loss, "averages_rows", False):
        return torch.stack([loss(part, place_labels) for part in embeddings]).mean()
    labels = own_rows(place_labels)
    share = torch.stack([loss(own_rows(part), labels) for part in embeddings]).mean()
    return mean_of_processes(share)


def _build(name: str, config: Mapping[str, Any]) -> Any:
    with random_stream(f"losses.{name}"):
        return LOSSES.build(dict(config))

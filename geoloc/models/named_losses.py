"""The losses of a model, by the name that the log shows."""

import inspect
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.random_stream import random_stream
from geoloc.registry import LOSSES


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
    loss: Any, descriptors: Sequence[Tensor], levels: Tensor, place_labels: Tensor
) -> Tensor:
    """Return the mean over both directions of all pairs of views, or the loss within one view.

    A loss whose ``forward`` has the argument ``places`` gets the place labels of the batch.
    """
    asks = "places" in inspect.signature(loss.forward).parameters
    more = {"places": place_labels} if asks else {}
    if len(descriptors) == 1:
        value: Tensor = loss.within(descriptors[0], levels, **more)
        return value
    pairs = list(combinations(descriptors, 2))
    if isinstance(loss, PairLoss):
        return torch.stack([loss.both_directions(*pair, levels, **more) for pair in pairs]).mean()
    directions = [
        value
        for one, other in pairs
        for value in (loss(one, other, levels, **more), loss(other, one, levels.T, **more))
    ]
    return torch.stack(directions).mean()


def _build(name: str, config: Mapping[str, Any]) -> Any:
    with random_stream(f"losses.{name}"):
        return LOSSES.build(dict(config))

"""Batches: the items of a data loader grouped by view."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS

from geoloc.errors import ConfigError
from geoloc.registry import FUNCTIONS


@MMENGINE_FUNCTIONS.register_module()  # where the Runner looks a bare collate name up
@FUNCTIONS.register_module()
def collate_views(batch: Sequence[dict[str, Any]]) -> dict[str, dict[str, torch.Tensor]]:
    """Stack the items of ``PairDataset`` or ``ImageDataset`` view by view, in their order.

    Returns:
        ``inputs`` uint8 ``[n,3,H,W]``, ``places`` int64 ``[n]`` and ``rows`` int64 ``[n]``, each
        by view; ``n`` differs between views where items hold one view each.

    Raises:
        ConfigError: If the images of one view differ in size.
    """
    views = list(dict.fromkeys(view for item in batch for view in item["inputs"]))
    members = {view: [item for item in batch if view in item["inputs"]] for view in views}
    return {
        "inputs": {view: _stack(view, items) for view, items in members.items()},
        "places": {view: _numbers("places", view, items) for view, items in members.items()},
        "rows": {view: _numbers("rows", view, items) for view, items in members.items()},
    }


@MMENGINE_FUNCTIONS.register_module()
@FUNCTIONS.register_module()
def collate_photos(batch: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Stack the items of ``PhotoDataset`` or ``FeatureDataset`` in their order.

    Returns:
        ``inputs`` uint8 ``[n,3,H,W]`` or float32 ``[n,D]``, ``coordinates`` float64 ``[n,2]`` and
        ``rows`` int64 ``[n]``.

    Raises:
        ConfigError: If the images differ in size.
    """
    return {
        "inputs": _stack_equal([item["inputs"] for item in batch], "photos"),
        "coordinates": torch.stack([item["coordinates"] for item in batch]),
        "rows": torch.tensor([item["rows"] for item in batch], dtype=torch.int64),
    }


def _stack(view: str, items: list[dict[str, Any]]) -> torch.Tensor:
    return _stack_equal([item["inputs"][view] for item in items], f"images of view {view!r}")


def _stack_equal(images: list[torch.Tensor], what: str) -> torch.Tensor:
    sizes = sorted({tuple(image.shape) for image in images})
    if len(sizes) > 1:
        raise ConfigError(
            f"{what} differ in size within a batch: {sizes[0]} and {sizes[1]}; "
            "end the pipeline with a crop or resize to one size before PackInputs"
        )
    return torch.stack(images)


def _numbers(key: str, view: str, items: list[dict[str, Any]]) -> torch.Tensor:
    return torch.tensor([item[key][view] for item in items], dtype=torch.int64)

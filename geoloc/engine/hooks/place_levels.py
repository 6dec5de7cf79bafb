"""Give the model the relevance levels of the training places."""

from typing import Any

import torch
from mmengine.hooks import Hook

from geoloc.geo import geodesic_distance, relevance_levels
from geoloc.registry import HOOKS


@HOOKS.register_module()
class PlaceLevelsHook(Hook):
    """Compute the place x place level table once and store it on the model's device.

    A loss then looks levels up by place label at no cost per step.
    """

    def before_train(self, runner: Any) -> None:
        """Build the table from the training dataset's coordinates and thresholds."""
        dataset = runner.train_dataloader.dataset
        distance_m = geodesic_distance(dataset.place_latlon, dataset.place_latlon)
        levels = relevance_levels(distance_m, dataset.thresholds_m)
        model = getattr(runner.model, "module", runner.model)
        model.set_place_levels(torch.from_numpy(levels))

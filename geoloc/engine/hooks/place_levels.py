"""Give the model the relevance levels of the training places."""

from typing import Any

from mmengine.hooks import Hook

from geoloc.registry import HOOKS


@HOOKS.register_module()
class PlaceLevelsHook(Hook):
    """Give the model the levels between places once, so that a step only looks them up."""

    def before_train(self, runner: Any) -> None:
        """Take them from the training dataset."""
        dataset = runner.train_dataloader.dataset
        model = getattr(runner.model, "module", runner.model)
        model.set_place_levels(dataset.levels())

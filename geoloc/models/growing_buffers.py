"""Modules that remember a varying number of things."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn


class GrowingBuffers(nn.Module):
    """A module some of whose buffers take the length that a checkpoint gives them.

    Attributes:
        growing_buffers: Their names.
    """

    growing_buffers: ClassVar[tuple[str, ...]] = ()

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        for name in self.growing_buffers:
            if (value := state_dict.get(prefix + name)) is not None:
                setattr(self, name, value.detach().clone().to(getattr(self, name).device))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

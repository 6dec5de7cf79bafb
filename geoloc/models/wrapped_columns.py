"""Convolutions of panoramas, whose right edge meets the left."""

import torch.nn.functional as F
from torch import Tensor, nn


def wrap_columns_of(convolution: nn.Conv2d) -> None:
    """Let a convolution pad its columns with those of the other side, its rows as before.

    Its parameters keep their names, so that weights load.

    Args:
        convolution: Padded with zeros by numbers; changed in place.
    """
    padding = convolution.padding
    assert not isinstance(padding, str)
    rows, columns = padding
    convolution.padding = (rows, 0)

    def wrap(module: nn.Module, inputs: tuple[Tensor]) -> Tensor:
        return F.pad(inputs[0], (columns, columns, 0, 0), mode="circular")

    convolution.register_forward_pre_hook(wrap)

"""The two classifiers of a distilled vision transformer as a descriptor."""

from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from geoloc.models.losses.precision import full_precision
from geoloc.registry import HEADS


@HEADS.register_module()
class DistilledHead(BaseModule):
    r"""The mean of a linear layer on the class token and one on the distillation token.

    TransGeo (Zhu et al., CVPR 2022) goes on with DeiT's classifiers, whose 1000 outputs become the
    descriptor (known from its code). They have mmpretrain's names, so that
    ``init_cfg=dict(type="Pretrained", checkpoint=..., prefix="head.")`` loads them.

    Args:
        in_dims: I, the length of a token.
        embed_dims: D, the length of a descriptor.
        init_cfg: Initialisation config of mmengine.
    """

    def __init__(
        self,
        in_dims: int = 384,
        embed_dims: int = 1000,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.layers = nn.ModuleDict(
            {name: nn.Linear(in_dims, embed_dims) for name in ("head", "head_dist")}
        )
        self.in_dims = in_dims

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the embedding ``[N, D]`` of both tokens ``[N, I, 2]``.

        Raises:
            ValueError: If the shape is another.
        """
        if tokens.shape[1:] != (self.in_dims, len(self.layers)):
            raise ValueError(
                f"DistilledHead needs tokens [N, {self.in_dims}, 2], got {list(tokens.shape)}; "
                "take the neck ClassTokens(num_tokens=2) and set in_dims to a token's length."
            )
        pairs = zip(self.layers.values(), tokens.unbind(2), strict=True)
        first, second = (layer(token) for layer, token in pairs)
        embedding: Tensor = (first + second) / 2
        return embedding

    def descriptor(self, embedding: Tensor) -> Tensor:
        """Return the descriptors ``[N, D]`` of an embedding, rows of length 1, at least float32."""
        with full_precision(embedding) as (embedding,):
            return F.normalize(embedding, dim=1)

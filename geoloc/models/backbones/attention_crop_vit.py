"""A vision transformer that looks closer where another one looks: the crop of TransGeo."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.models.backbones import DistilledVisionTransformer
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.registry import BACKBONES

TOKENS = DistilledVisionTransformer.num_extra_tokens  # of the class and of the distillation


@BACKBONES.register_module()
class AttentionCropViT(DistilledVisionTransformer):
    r"""Drop the patches of a larger image to which a network of a smaller image pays no attention.

    The second stage of TransGeo (Zhu et al., CVPR 2022): the tile comes with more pixels, but only
    the share ``keep`` of its patches with the highest attention goes through the transformer. With
    320 instead of 256 px and 64 % of the patches, the sequence is as long as before.

    *Known* from the official code: the attention is that of the network of the first stage, in its
    last layer, from the class and the distillation token to the patches, summed over both and over
    the heads, and resized bilinearly to the new grid. *Different*: that code writes the attention
    of every tile to a file of 8 bits per patch before the second stage; here the first stage's
    network, frozen, goes along as ``guide`` and attends anew to the image, shrunk to its size. A
    checkpoint without a guide, which is one of the first stage, starts both.

    Args:
        guide: What the options of the first stage's network were, where they differ, such as
            ``dict(img_size=256)``.
        keep: Share of the patches to keep.
        **options: Options of ``mmpretrain.DistilledVisionTransformer``.

    Raises:
        ConfigError: If ``keep`` is no share or leaves no patch.
    """

    def __init__(self, guide: Mapping[str, Any], keep: float = 0.64, **options: Any) -> None:
        super().__init__(**{**options, "out_type": "raw"})
        patches = self.patch_resolution[0] * self.patch_resolution[1]
        if not 0 < keep <= 1 or int(keep * patches) < 1:
            raise ConfigError(
                f"AttentionCropViT: keep={keep} of {patches} patches must be in 0 .. 1 and leave "
                "one at least."
            )
        self.keep = keep
        self.guide = DistilledVisionTransformer(**{**options, "init_cfg": None, **guide})
        self.guide.requires_grad_(False)

    def train(self, mode: bool = True) -> "AttentionCropViT":
        """Switch between training and evaluation; the guide stays in evaluation."""
        super().train(mode)
        self.guide.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Return the class token, its twin and the kept patches', ``[N, L, C]``, in a tuple.

        Args:
            images: ``[N, 3, H, W]``.
        """
        tokens, (rows, columns) = _embedded(self, images)
        kept = self.kept_patches(images, rows, columns) + TOKENS
        index = kept[..., None].expand(-1, -1, tokens.shape[2])
        tokens = torch.cat([tokens[:, :TOKENS], tokens.gather(1, index)], dim=1)
        for layer in self.layers:
            tokens = layer(tokens)
        return (self.ln1(tokens) if self.final_norm else tokens,)

    @torch.no_grad()
    def kept_patches(self, images: Tensor, rows: int, columns: int) -> Tensor:
        """Return the patches with the highest attention, int64 ``[N, K]``, in ascending order.

        Args:
            images: ``[N, 3, H, W]``.
            rows: Rows of the grid of patches, which are counted along them.
            columns: Columns of the grid.
        """
        small = F.interpolate(
            images, self.guide.img_size, mode="bilinear", align_corners=False, antialias=True
        )
        attention = last_attention(self.guide, small)
        attention = F.interpolate(
            attention[:, None], (rows, columns), mode="bilinear", align_corners=False
        )
        number = int(self.keep * rows * columns)
        return attention.flatten(1).topk(number, dim=1).indices.sort(dim=1).values

    def _prepare_pos_embed(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Before loading: give the guide the tensors of a file without one, then resize."""
        guide = f"{prefix}guide."
        if not any(name.startswith(guide) for name in state_dict):
            for name in [name for name in state_dict if name.startswith(prefix)]:
                state_dict[guide + name.removeprefix(prefix)] = state_dict[name]
        super()._prepare_pos_embed(state_dict, prefix, *args, **kwargs)


def last_attention(network: DistilledVisionTransformer, images: Tensor) -> Tensor:
    """Return the attention that the first tokens of the last layer pay to every patch.

    Args:
        network: A distilled ViT.
        images: ``[N, 3, H, W]``.

    Returns:
        ``[N, h, w]``, summed over the heads and over the class and the distillation token.
    """
    tokens, grid = _embedded(network, images)
    *layers, last = network.layers
    for layer in layers:
        tokens = layer(tokens)
    attention = last.attn
    shape = (*tokens.shape[:2], 3, attention.num_heads, attention.head_dims)
    qkv = attention.qkv(last.ln1(tokens)).reshape(shape)
    query, key, _ = qkv.permute(2, 0, 3, 1, 4)  # [N, heads, L, dims]
    scores = query[:, :, :TOKENS] @ key.transpose(2, 3) / attention.head_dims**0.5
    paid: Tensor = scores.softmax(dim=3)[..., TOKENS:].sum(dim=(1, 2))
    return paid.reshape(-1, *grid)


def _embedded(network: Any, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """Return the tokens ``[N, 2 + P, C]`` before the first layer, and the grid of the P patches."""
    patches, grid = network.patch_embed(images)
    rows = images.shape[0]
    extra = [token.expand(rows, -1, -1) for token in (network.cls_token, network.dist_token)]
    positions = network.resize_pos_embed(
        network.pos_embed, network.patch_resolution, grid, network.interpolate_mode, TOKENS
    )
    tokens: Tensor = network.drop_after_pos(torch.cat([*extra, patches], dim=1) + positions)
    return tokens, (int(grid[0]), int(grid[1]))

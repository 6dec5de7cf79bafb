"""A vision transformer whose layers attend to what the layer before them received."""

import copy
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.backbones.timm_backbone import TimmBackbone
from geoloc.registry import BACKBONES

POSITIONS = "timm_model.pos_embed"


@BACKBONES.register_module()
class LayerToLayerViT(TimmBackbone):
    r"""The encoder of L2LTR on top of a ViT of timm, hybrid or plain.

    With the hidden states :math:`z_0, z_1 \ldots` that enter the layers, layer l computes

    .. math::
        y_l = z_l + \mathrm{Att}\bigl(Q = \mathrm{LN}_l(z_l),\;
              K, V = \mathrm{LN}'_l(z_{l-1})\bigr), \qquad
        z_{l+1} = y_l + \mathrm{MLP}_l(\mathrm{LN}(y_l))

    and the first layer attends to itself, :math:`z_{-1} = z_0` (Yang et al., L2LTR, NeurIPS 2021:
    cross-attention between adjacent layers; known from its code). *Inferred*: weights without
    :math:`\mathrm{LN}'_l`, as timm's are, start it as a copy of :math:`\mathrm{LN}_l`.

    Positions of weights for another image size are interpolated. The output is the sequence of all
    tokens, for the neck ``ClassTokens``.

    Args:
        model_name: timm's name, e.g. ``vit_base_r50_s16_224.orig_in21k`` for ResNet-50 and
            ViT-B/16, which is L2LTR's.
        **options: Options of :class:`TimmBackbone`, e.g. ``img_size=(128, 512)``.

    Raises:
        ConfigError: If timm does not know the model, or it is no plain or hybrid ViT.
    """

    def __init__(self, model_name: str, **options: Any) -> None:
        super().__init__(model_name, **options)
        from timm.models.vision_transformer import Block, VisionTransformer

        blocks = getattr(self.timm_model, "blocks", ())
        if not isinstance(self.timm_model, VisionTransformer) or not all(
            isinstance(block, Block) and block.attn.gate is None for block in blocks
        ):
            raise ConfigError(
                f"LayerToLayerViT needs a plain or hybrid ViT of timm, {model_name!r} is a "
                f"{type(self.timm_model).__name__}"
            )
        self.key_norms = nn.ModuleList(copy.deepcopy(block.norm1) for block in blocks)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Return the tokens ``[N, L, C]`` of images ``[N, 3, H, W]``, in a tuple."""
        vit = self.timm_model
        hidden = vit.norm_pre(vit.patch_drop(vit._pos_embed(vit.patch_embed(images))))
        before = hidden
        for block, key_norm in zip(vit.blocks, self.key_norms, strict=True):
            attended = _attend(block.attn, block.norm1(hidden), key_norm(before))
            before = hidden
            hidden = hidden + block.drop_path1(block.ls1(attended))
            hidden = hidden + block.drop_path2(block.ls2(block.mlp(block.norm2(hidden))))
        return (vit.norm(hidden),)

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        for name, own in self.key_norms.named_parameters():
            layer, part = name.split(".")
            source = f"{prefix}timm_model.blocks.{layer}.norm1.{part}"
            if source in state_dict and state_dict[source].shape == own.shape:
                state_dict.setdefault(f"{prefix}key_norms.{name}", state_dict[source])
        if prefix + POSITIONS in state_dict:
            state_dict[prefix + POSITIONS] = self._fitting_positions(state_dict[prefix + POSITIONS])
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _fitting_positions(self, positions: Tensor) -> Tensor:
        """Return position embeddings ``[1, T + P, C]`` of a square grid for this model's grid."""
        from timm.layers import resample_abs_pos_embed

        if positions.shape[1:] == self.timm_model.pos_embed.shape[1:]:
            return positions
        fitting: Tensor = resample_abs_pos_embed(
            positions,
            new_size=list(self.timm_model.patch_embed.grid_size),
            num_prefix_tokens=self.timm_model.num_prefix_tokens,
        )
        return fitting


def _attend(attention: Any, query: Tensor, key: Tensor) -> Tensor:
    """Let tokens ``[N, L, C]`` attend to others ``[N, M, C]`` with the weights of timm's layer."""
    size = attention.attn_dim
    weights = attention.qkv.weight.split([size, 2 * size])
    biases = (
        (None, None) if attention.qkv.bias is None else attention.qkv.bias.split([size, 2 * size])
    )
    q = F.linear(query, weights[0], biases[0])
    k, v = F.linear(key, weights[1], biases[1]).chunk(2, dim=2)
    shape = (q.shape[0], -1, attention.num_heads, attention.head_dim)
    q, k, v = (part.reshape(shape).transpose(1, 2) for part in (q, k, v))
    dropout = attention.attn_drop.p if attention.training else 0.0
    attended = F.scaled_dot_product_attention(
        attention.q_norm(q), attention.k_norm(k), v, dropout_p=dropout
    )
    joined = attention.norm(attended.transpose(1, 2).flatten(2))
    projected: Tensor = attention.proj_drop(attention.proj(joined))
    return projected

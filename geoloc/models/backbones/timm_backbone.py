"""Every image model of timm as a backbone that returns a feature map."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.registry import BACKBONES


@BACKBONES.register_module()
class TimmBackbone(BaseModule):
    """A model of the package timm without its classifier.

    CNNs, Swin and ViT models return the same: the last feature map ``[N, C, H, W]``, a ViT's from
    its patch tokens after the final norm. (``mmpretrain.TIMMBackbone`` returns what timm does:
    tokens for a ViT, channels last for Swin.)

    Args:
        model_name: timm's name, e.g. ``convnext_base.fb_in22k_ft_in1k_384``.
        pretrained: Download timm's weights. A local file is named by ``init_cfg`` instead.
        init_cfg: ``dict(type="Pretrained", checkpoint=PATH)`` for weights in timm's layout.
        **options: Options of the timm model, e.g. ``img_size=448`` or ``drop_path_rate=0.1``.

    Raises:
        ConfigError: If timm is not installed or does not know ``model_name``.
    """

    def __init__(
        self,
        model_name: str,
        pretrained: bool = False,
        init_cfg: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(init_cfg)
        try:
            import timm
        except ImportError as error:
            raise ConfigError(
                f'TimmBackbone(model_name="{model_name}") needs timm: pip install "geoloc[timm]"'
            ) from error
        if not timm.is_model(model_name):
            similar = timm.list_models(f"*{model_name.partition('_')[0]}*")[:3]
            raise ConfigError(
                f"timm {timm.__version__} has no model {model_name!r}"
                + (f"; similar: {', '.join(similar)}" if similar else "")
            )
        # The attribute's name is mmpretrain.TIMMBackbone's, so that weights fit both.
        self.timm_model = timm.create_model(
            model_name, pretrained=pretrained, num_classes=0, **options
        )
        # timm has initialised it; mmengine would do it again, over downloaded weights too
        self.timm_model.is_init = True

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Return the last feature map ``[N, C, h, w]`` of images ``[N, 3, H, W]``, in a tuple.

        Raises:
            ConfigError: If the model returns something that is no map.
        """
        features = self.timm_model.forward_features(images)
        if features.ndim == 4 and getattr(self.timm_model, "output_fmt", "NCHW") == "NHWC":
            features = features.permute(0, 3, 1, 2)
        elif features.ndim == 3:
            features = self._map_of_tokens(features, images.shape[2:])
        return (features,)

    def _map_of_tokens(self, tokens: Tensor, image_size: tuple[int, ...]) -> Tensor:
        """Return the patch tokens of ``[N, prefix + h * w, C]`` as a map ``[N, C, h, w]``."""
        patches = tokens[:, getattr(self.timm_model, "num_prefix_tokens", 0) :]
        patch_embed = getattr(self.timm_model, "patch_embed", None)
        patch_size = getattr(patch_embed, "patch_size", (1, 1))
        height, width = (size // patch for size, patch in zip(image_size, patch_size, strict=True))
        if patches.shape[1] != height * width:
            raise ConfigError(
                f"{type(self.timm_model).__name__} of timm returned {patches.shape[1]} tokens, "
                f"which form no map of {height} x {width} patches; use a CNN, Swin or plain ViT"
            )
        return patches.transpose(1, 2).reshape(tokens.shape[0], -1, height, width)

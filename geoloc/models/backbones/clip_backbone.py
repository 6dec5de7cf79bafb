"""The image tower of CLIP, from weights on the local disk."""

from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from geoloc.errors import CheckpointError, ConfigError
from geoloc.registry import BACKBONES

PACKAGES = {"transformers": "transformers", "open_clip": "open_clip_torch"}


@BACKBONES.register_module()
class ClipBackbone(nn.Module):
    """Image features of CLIP after the visual projection, not normalised (768-d for ViT-L/14).

    Nothing is downloaded.

    Args:
        checkpoint: For ``transformers`` the folder of a CLIP model with ``config.json`` and its
            weights, e.g. a copy of ``openai/clip-vit-large-patch14``; for ``open_clip`` a weights
            file.
        library: Package that builds the network: ``transformers`` or ``open_clip``.
        model_name: Architecture for ``open_clip``; weights of OpenAI need a ``-quickgelu`` name.

    Raises:
        CheckpointError: If there are no weights at ``checkpoint``.
        ConfigError: If the package is unknown or not installed.
    """

    def __init__(
        self,
        checkpoint: str,
        library: Literal["transformers", "open_clip"] = "transformers",
        model_name: str = "ViT-L-14-quickgelu",
    ) -> None:
        super().__init__()
        if library not in PACKAGES:
            raise ConfigError(f"ClipBackbone library={library!r} must be one of {list(PACKAGES)}")
        _check_weights(Path(checkpoint).expanduser(), library)
        path = str(Path(checkpoint).expanduser())
        try:
            model = (
                _transformers(path) if library == "transformers" else _open_clip(model_name, path)
            )
        except ImportError as error:
            raise ConfigError(
                f"ClipBackbone(library={library!r}) needs the package {PACKAGES[library]}: "
                'pip install "geoloc[clip]"'
            ) from error
        model.is_init = True  # or mmengine would initialise over the weights
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Return the features ``[n, D]`` of images ``[n, 3, H, W]`` in CLIP's normalisation."""
        features: Any = self.model(images)
        image_features: Tensor = getattr(features, "image_embeds", features)
        return image_features


def _check_weights(path: Path, library: str) -> None:
    wanted = path / "config.json" if library == "transformers" else path
    if not wanted.is_file():
        raise CheckpointError(
            f"CLIP weights are expected at {path}, but there is no file {wanted}; copy them there "
            "(nothing is downloaded), name their place with --cfg-options "
            "model.backbone.checkpoint=PATH, or train on cached features with type='CachedFeatures'"
        )


def _transformers(folder: str) -> Any:
    from transformers import CLIPVisionModelWithProjection

    return CLIPVisionModelWithProjection.from_pretrained(folder, local_files_only=True)


def _open_clip(model_name: str, file: str) -> Any:
    import open_clip

    return open_clip.create_model(model_name, pretrained=file).visual

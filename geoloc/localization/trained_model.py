"""A trained model as a run leaves it: the network, and how it loads images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from torch import Tensor

from geoloc.datasets.pipeline import PipelineConfigs
from geoloc.engine.checkpoint import TRAINING_ONLY, check_weights_fit, load_local_checkpoint
from geoloc.engine.config import config_hash, load_config
from geoloc.engine.weights_fingerprint import weights_fingerprint
from geoloc.errors import ConfigError
from geoloc.localization.gallery_manifest import ModelRecord
from geoloc.registry import MODELS

TRAINING_PARTS = ("losses", "miner", "similarity")
# Of the model and of every part: where weights start from, and how training images vary.
TRAINING_OPTIONS = ("init_cfg", "pretrained", "augment")


class TrainedModel(NamedTuple):
    """A network and how it loads images.

    Attributes:
        model: ``CrossViewRetriever`` or any other with ``describe(images, view)`` and a
            ``data_preprocessor``.
        pipelines: For every view the transforms of a test image.
        config: Config of the model, without what training alone needs.
    """

    model: Any
    pipelines: PipelineConfigs
    config: Mapping[str, Any]

    @property
    def record(self) -> ModelRecord:
        """What galleries know the model by."""
        return ModelRecord(hash_of(self.config, self.pipelines), weights_fingerprint(self.model))


def load_trained_model(config: str | Path | Config, checkpoint: str | Path) -> TrainedModel:
    """Build the model of a run config and load its weights.

    Args:
        config: The config or its file.
        checkpoint: Checkpoint file of a training with that config.

    Raises:
        ConfigError: If the model does not describe views, compares descriptors otherwise than by
            cosine, or the config has no test pipelines.
        CheckpointError: If the file is missing, unsafe or of another model.
    """
    cfg = config if isinstance(config, Config) else load_config(config)
    kind = cfg.model.type
    if not hasattr(MODELS.get(kind) if isinstance(kind, str) else kind, "describe"):
        raise ConfigError(
            f"model.type={kind!r} does not describe images view by view, as "
            "CrossViewRetriever does; galleries and exports need a model that does"
        )
    if cfg.model.get("similarity"):
        raise ConfigError(
            f"model.similarity={cfg.model.similarity.type!r} is no cosine, by which galleries "
            "compare descriptors; use a config without it"
        )
    try:
        pipelines = cfg.test_dataloader.dataset.pipelines
    except AttributeError:
        raise ConfigError(
            "the config has no test_dataloader.dataset.pipelines, which tell how an image is "
            "loaded; inherit one of configs/_base_/datasets"
        ) from None
    architecture = architecture_of(cfg.model)
    model = MODELS.build(dict(architecture))
    content = load_local_checkpoint(str(checkpoint))
    weights = content.get("state_dict", content)
    check_weights_fit(model, weights, TRAINING_ONLY)
    weights = {name.removeprefix("module."): value for name, value in weights.items()}
    model.load_state_dict(
        {name: v for name, v in weights.items() if not name.startswith(TRAINING_ONLY)}
    )
    return TrainedModel(model, dict(pipelines), architecture)


def architecture_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's config without losses, miner, similarity, start weights and augmentation.

    What is left builds the model without building or downloading what training alone needs.
    """
    return {
        key: _without_training(value)
        for key, value in config.items()
        if key not in (*TRAINING_PARTS, *TRAINING_OPTIONS)
    }


def _without_training(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_training(v) for k, v in value.items() if k not in TRAINING_OPTIONS}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_without_training, value))
    return value


def hash_of(config: Mapping[str, Any], pipelines: PipelineConfigs) -> str:
    """Return 12 hex digits that change with the architecture and with how images are loaded."""
    return config_hash(Config({"model": dict(config), "pipelines": dict(pipelines)}))


def descriptors_of(model: Any, images: Tensor, view: str) -> Tensor:
    """Return the descriptors ``[n, D]`` of loaded images of one view, uint8 ``[n, 3, H, W]``."""
    inputs = model.data_preprocessor({"inputs": {view: images}}, False)["inputs"][view]
    descriptors: Tensor = model.describe(inputs, view)
    return descriptors

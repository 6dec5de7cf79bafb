"""The configs of a benchmark's runs: a method's, fitted to the data and the start of a preset."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from geoloc.benchmark.preset import LOADERS, Preset
from geoloc.benchmark.suite import Entry
from geoloc.datasets.place_levels import place_levels
from geoloc.datasets.source import Source
from geoloc.engine.config import load_config
from geoloc.errors import ConfigError
from geoloc.evaluation.rerank import k1_from_training
from geoloc.registry import DATASETS

LAST_STAGE = 8  # how many times the channels of the first stage a ResNet-18 ends with
FEATURES = "ExtractedFeatures"
EVALUATORS = ("val_evaluator", "test_evaluator")


def start_config(preset: Preset, configs: Path) -> Config:
    """Return the config of the run that all methods start from."""
    if preset.start is None:
        raise ConfigError("this preset has no common start")
    cfg = load_config(configs / preset.start, dict(preset.start_options))
    _set_source(cfg, preset.start_source)
    _set_width(cfg.model, preset.width)
    return cfg


def method_config(preset: Preset, entry: Entry, configs: Path, subset: str = "") -> Config:
    """Return the config of a method's runs, but for the start.

    Raises:
        ConfigError: If the method has no config of this preset.
    """
    file = config_file(preset, entry, configs, subset)
    of_method = preset.of_method.get(entry.folder, {})
    cfg = load_config(file, {**preset.options, **of_method, **preset.options_of(entry)})
    _set_source(cfg, {**preset.source, **preset.subsets.get(subset, {})})
    _set_width(cfg.model, preset.width)
    return cfg


def train_on_features(cfg: Config) -> None:
    """Replace the photos by features of their backbone, in place; ``begin_with`` says whose.

    Args:
        cfg: Config of a method, a ``GeoCLIP``.
    """
    pipeline = cfg.test_dataloader.dataset.pipeline
    extractor = cfg.model.to_dict()
    for loader in LOADERS:
        photos = {**cfg[loader].dataset, "pipeline": pipeline}
        cfg[loader].dataset = {"type": FEATURES, "photos": photos, "extractor": extractor}
    cfg.model.backbone = {"type": "CachedFeatures"}
    cfg.model.neck = None
    cfg.model.frozen_backbone = True


def begin_with(cfg: Config, weights: Path, data: str) -> None:
    """Let a method begin with the backbone of another run, in place.

    Args:
        cfg: Config of the method, of images or of features.
        weights: Checkpoint of the run.
        data: Fingerprint of the method's data; its features lie in a folder of this name beside
            the checkpoint.
    """
    start = {"type": "Pretrained", "checkpoint": str(weights)}
    if cfg.train_dataloader.dataset.type != FEATURES:
        cfg.model.backbone.init_cfg = start
        return
    for loader in LOADERS:
        dataset = cfg[loader].dataset
        dataset.extractor.backbone.init_cfg = start
        dataset.path = str(weights.parent / "features" / data / dataset.photos.split)


def config_file(preset: Preset, entry: Entry, configs: Path, subset: str = "") -> Path:
    """Return the file of a method's config.

    Raises:
        ConfigError: If the method has none for this preset.
    """
    data = f"_{preset.data}" if preset.data else ""
    ending = data if subset in preset.subsets else f"{data}{subset}"
    pattern = f"{entry.folder}/{entry.folder}_*{ending}.py"
    found = sorted(configs.glob(pattern))
    if not found:
        raise ConfigError(f"{entry.method} has no config {configs / pattern}")
    return found[0]


def _set_width(model: Any, width: int | None) -> None:
    """Set the channels of a ResNet-18, and of what takes its map."""
    if width is None:
        return
    before = LAST_STAGE * model.backbone.base_channels
    model.backbone.update(stem_channels=width, base_channels=width)
    for part in (model.neck, model.head):
        for name in ("in_channels", "in_dims"):
            if part.get(name) == before:
                part[name] = LAST_STAGE * width


def _set_source(cfg: Config, changes: Mapping[str, Any]) -> None:
    readers = [cfg[loader].dataset for loader in LOADERS]
    if "source" in cfg.model.get("gallery", {}):  # the positions to choose from
        readers.append(cfg.model.gallery)
    for reader in readers:
        reader.source = dict(changes) if "type" in changes else {**reader.source, **changes}


def sources_of(cfg: Config) -> list[Source]:
    """Return the data that a config trains on, then what else its runs are evaluated on.

    It is rendered if it must be.
    """
    configs: list[Any] = []
    for loader in LOADERS:
        if (source := cfg[loader].dataset.source) not in configs:
            configs.append(source)
    return [DATASETS.build(source) for source in configs]


def fit_to_data(cfg: Config, source: Source, neighbours: Mapping[str, float] | None) -> None:
    """Adapt what depends on the training places, in place.

    Class losses get their number of places, and the evaluation re-ranks with the numbers of
    neighbours that Eq. 6 of DyCL gives.

    Args:
        cfg: Config of a method.
        source: Its data.
        neighbours: See ``Preset.neighbours``.
    """
    places = len(source.index.select(split="train").places)
    for loss in _parts(cfg.model.get("losses", {})):
        if "num_places" in loss:
            loss["num_places"] = places
    if neighbours is None:
        return
    eq6 = {name: neighbours[name] for name in ("mu", "minimum") if name in neighbours}
    options = {"clip_k": True} | {name: neighbours[name] for name in ("k2",) if name in neighbours}
    reranker = {"type": "MSRerank", "k1_list": _k1_list(source, eq6), **options}
    for evaluator in EVALUATORS:
        cfg[evaluator].rerank = [{"type": "KReciprocal", **options}, reranker]


def _k1_list(source: Source, eq6: Mapping[str, Any]) -> list[int]:
    train = source.index.select(split="train")
    views, counts = np.unique(train.view, return_counts=True)
    many = train.view == views[counts.argmax()]  # the drone's; the gallery of the other view
    labels = torch.from_numpy(train.place_labels[many])
    images = torch.bincount(labels, minlength=len(train.places))
    return k1_from_training(place_levels(train, source.thresholds_m), images, **eq6)


def _parts(node: Any) -> list[dict[str, Any]]:
    if not isinstance(node, dict):
        return []
    return [node, *(part for value in node.values() for part in _parts(value))]

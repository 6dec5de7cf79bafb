"""On what, and how long, the methods of a suite are trained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from geoloc.benchmark.suite import Entry
from geoloc.datasets.place_levels import place_levels
from geoloc.datasets.source import Source
from geoloc.engine.config import load_config
from geoloc.errors import ConfigError
from geoloc.evaluation.rerank import k1_from_training
from geoloc.registry import DATASETS

LAST_STAGE = 8  # how many times the channels of the first stage a ResNet-18 ends with
OfMethod = dict[str, dict[str, Any]]
MEMORY = "model.miner.memory_size"
BATCH = "train_dataloader.batch_size"
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
FEATURES = "ExtractedFeatures"
EVALUATORS = ("val_evaluator", "test_evaluator")


@dataclass(frozen=True)
class Preset:
    """How the configs of the methods are run for a table.

    Attributes:
        data: What ends the names of the configs, ``configs/<method>/<method>_<network>_<data>.py``;
            empty where the subsets of a suite do.
        source: What differs in the dataset from the configs; with a ``type``, the whole dataset.
        subsets: What differs in the dataset for the subsets of a suite, by their names, where one
            config serves all of them.
        transfer: Which other subset the runs of a subset are evaluated on too.
        memory: The share of the published number of batches that a miner remembers, where the
            training set is so much smaller.
        largest_batch: Pairs of a batch at most, where rows ask for more; None has no limit.
        options: What else differs, by dotted key.
        of_method: What differs in single methods, by the folder of their configs.
        neighbours: How many neighbours re-ranking looks at: ``mu`` and ``minimum`` of Eq. 6 of
            DyCL, and ``k2``; what is missing is as published. None does not re-rank.
        width: Channels of the first stage of the ResNet; None leaves it to the configs.
        features: Whether the backbone of the start stays as it is, so that the methods train on
            features which it extracts once.
        start: Config, below ``configs``, of the run whose backbone all methods start from; None
            leaves the start to the configs.
        start_source: What differs in the dataset of that run.
        start_options: What else differs there.
        seeds: Number of seeds unless the user asks for another one.
    """

    data: str
    source: Mapping[str, Any] = field(default_factory=dict)
    subsets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    transfer: Mapping[str, str] = field(default_factory=dict)
    memory: float = 1.0
    largest_batch: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    of_method: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    neighbours: Mapping[str, float] | None = field(default_factory=dict)
    width: int | None = None
    features: bool = False
    start: str | None = None
    start_source: Mapping[str, Any] = field(default_factory=dict)
    start_options: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 1

    def options_of(self, entry: Entry) -> dict[str, Any]:
        """Return the options of a row, as far as they depend on the size of the data, for these."""
        options = dict(entry.options)
        if MEMORY in options:
            options[MEMORY] = max(1, round(self.memory * options[MEMORY]))
        if BATCH in options and self.largest_batch is not None:
            options[BATCH] = min(options[BATCH], self.largest_batch)
        return options


VIEWS = ("drone", "satellite")
# Half as wide as the rendered images: a third of the time of the configs' 96 pixels.
SIDE = 64
SMALL_IMAGES = {
    f"{loader}.dataset.pipelines.{view}.1.scale": scale
    for loader, scale in zip(LOADERS, (SIDE, (SIDE, SIDE), (SIDE, SIDE)), strict=True)
    for view in VIEWS
}
# What looks at the cells of the map, which are fewer then.
SMALL_MAPS: OfMethod = {
    "cv_cities": {"model.neck.in_h": 2, "model.neck.in_w": 2},
    "lpn": {
        "model.neck.num_parts": 2,
        "model.head.num_parts": 2,
        "model.losses.instance.num_parts": 2,
    },
}
LEAN = {"default_hooks.checkpoint.max_keep_ckpts": 1, "custom_hooks": []}
# Half precision differs from one processor to the next, and so would the hashes of the configs.
ON_ANY_CPU = LEAN | SMALL_IMAGES | {"amp": False}
TINY = {"places": (48, 24), "views": 3, "image_size": 64}
TWO_EPOCHS = {
    "train_cfg.max_epochs": 2,
    "train_cfg.val_interval": 2,
    "train_dataloader.batch_size": 24,
    "train_dataloader.num_workers": 0,
    "train_dataloader.persistent_workers": False,
    "val_dataloader.num_workers": 0,
    "val_dataloader.persistent_workers": False,
}
EIGHT_EPOCHS = {
    "train_cfg.max_epochs": 8,
    "train_cfg.val_interval": 8,
    "param_scheduler.T_max": 8,
}
# 20 train and 4 test campuses: few are learnt by heart, by losses of several scales above all.
MANY_CAMPUSES = {
    "data_root": "data/CampusWorld-benchmark",
    "places": (1500, 300),
    "views": 3,
    "campus_style": 0.75,
}
# Chosen on campusworld-validation; everything else is as in the configs.
CHOSEN: OfMethod = {
    folder: {"model.losses.dycl.scale": 32.0} for folder in ("dycl", "dycl_happier")
}
# Eq. 6 and k2 are made for 60 drone images of a place; here there are 3. Chosen likewise.
FEW_VIEWS = {"mu": 0.25, "minimum": 4, "k2": 2}
PRETRAINING = "_pretraining/infonce_r18_campusworld.py"
# 30 batches make an epoch of StreetWorld, 1110 one of CVUSA.
STREET_MEMORY = 30 / 1110
CVACT_LAYOUT = {"layout": "cvact", "seed": 1}
THERE_AND_BACK = {"_cvusa": "_cvact", "_cvact": "_cvusa"}
FEW_STREETS = {"train_places": 24, "val_places": 12, "places_per_campus": 12}
# A class loss has a classifier of every place.
CLASSIFIERS: OfMethod = {
    method: {"model.losses.instance.num_places": FEW_STREETS["train_places"]}
    for method in ("lpn", "lpn_usam")
}
# One vector a photo needs no worker.
ON_FEATURES = {
    f"{loader}.{name}": value
    for loader in ("train_dataloader", "val_dataloader")
    for name, value in (("num_workers", 0), ("persistent_workers", False))
}
SMALL_QUEUE = {"model.queue.size": 48}  # a multiple of the batch, as it must be
FEW_PHOTOS = {"train_photos": 240, "test_photos": 60}
# The networks and image sizes of the papers.
PAPER_SIZE = Preset(
    "",
    transfer=THERE_AND_BACK,
    options={"default_hooks.checkpoint.max_keep_ckpts": 1},
    neighbours=None,
    seeds=3,
)
PRESETS = {
    # Not for its numbers: every step of a benchmark in some minutes.
    "campusworld-mini": Preset(
        "campusworld",
        source={"data_root": "data/CampusWorld-tiny", **TINY},
        options=ON_ANY_CPU | TWO_EPOCHS,
        of_method=SMALL_MAPS,
        start=PRETRAINING,
        start_source={"data_root": "data/CampusWorld-tiny-pretraining", **TINY},
        start_options=ON_ANY_CPU | TWO_EPOCHS,
    ),
    "campusworld": Preset(
        "campusworld",
        source=MANY_CAMPUSES,
        options=ON_ANY_CPU | EIGHT_EPOCHS,
        of_method=SMALL_MAPS | CHOSEN,
        neighbours=FEW_VIEWS,
        width=16,
        start=PRETRAINING,
        start_options=ON_ANY_CPU,
        seeds=3,
    ),
    # What hyper-parameters are chosen by: as above, but judged by train campuses.
    "campusworld-validation": Preset(
        "campusworld",
        source={
            "type": "ValidationCampuses",
            "source": {"type": "CampusWorld", **MANY_CAMPUSES},
            "campuses": 3,
        },
        options=ON_ANY_CPU | EIGHT_EPOCHS | {"val_dataloader.dataset.split": "val"},
        of_method=SMALL_MAPS | CHOSEN,
        neighbours=FEW_VIEWS,
        width=16,
        start=PRETRAINING,
        start_options=ON_ANY_CPU,
    ),
    "globeworld": Preset(
        "globeworld",
        options=LEAN | ON_FEATURES | {"amp": False},
        neighbours=None,
        width=16,
        features=True,
        start="_pretraining/geoclip_r18_globeworld.py",
        start_options=LEAN | {"amp": False},
        seeds=3,
    ),
    # Not for its numbers, as campusworld-mini.
    "globeworld-mini": Preset(
        "globeworld",
        source={"data_root": "data/GlobeWorld-tiny", **FEW_PHOTOS},
        options=LEAN | ON_FEATURES | {"amp": False} | TWO_EPOCHS | SMALL_QUEUE,
        neighbours=None,
        width=8,
        features=True,
        start="_pretraining/geoclip_r18_globeworld.py",
        start_source={"data_root": "data/GlobeWorld-tiny-pretraining", **FEW_PHOTOS},
        start_options=LEAN | {"amp": False} | TWO_EPOCHS | SMALL_QUEUE,
    ),
    "dyml": Preset("dyml", options={"default_hooks.checkpoint.max_keep_ckpts": 1}, seeds=3),
    # Not for its numbers, as campusworld-mini.
    "streetworld-mini": Preset(
        "streetworld",
        source={"data_root": "data/StreetWorld-tiny", **FEW_STREETS},
        subsets={
            "_cvusa": {},
            "_cvact": {"data_root": "data/StreetWorld-tiny-cvact", **CVACT_LAYOUT},
        },
        transfer=THERE_AND_BACK,
        memory=2 / 1110,
        largest_batch=12,
        options=LEAN
        | TWO_EPOCHS
        | {"train_dataloader.batch_size": 12, "param_scheduler.1.T_max": 1},
        of_method=CLASSIFIERS,
        neighbours=None,
    ),
    "streetworld": Preset(
        "streetworld",
        subsets={
            "_cvusa": {},
            "_cvact": {"data_root": "data/StreetWorld-cvact", **CVACT_LAYOUT},
        },
        transfer=THERE_AND_BACK,
        memory=STREET_MEMORY,
        options=LEAN,
        neighbours=None,
        seeds=3,
    ),
    "cvusa-cvact": PAPER_SIZE,
    "dacampus": Preset("dacampus", options={"default_hooks.checkpoint.max_keep_ckpts": 1}, seeds=3),
}


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

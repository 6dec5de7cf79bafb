"""On what, and how long, the methods of a suite are trained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from geoloc.benchmark.suite import Entry

OfMethod = dict[str, dict[str, Any]]
MEMORY = "model.miner.memory_size"
BATCH = "train_dataloader.batch_size"
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


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

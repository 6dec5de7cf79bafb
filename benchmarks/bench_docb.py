"""Time a training step with DOCB against a plain one.

Both train ResNet-18 on a small CampusWorld, interleaved in one process. DOCB describes a second
image for every image of the batch, so a step should take twice as long and hardly more; what the
loading of these images adds is the last column. Run it on an otherwise idle machine:

    python benchmarks/bench_docb.py --threads 1
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from geoloc.datasets import CampusWorld, PairDataset, UniquePlaceSampler, collate_views
from geoloc.datasets.place_levels import place_levels
from geoloc.models import CrossViewRetriever

VIEWS = ("drone", "satellite")
WORKERS, IMAGE_SIZE = 2, 96
PIPELINE = [
    {"type": "LoadImage"},
    {"type": "mmpretrain.RandomResizedCrop", "scale": IMAGE_SIZE},
    {"type": "mmpretrain.PackInputs"},
]
DOCB = {"type": "DOCB", "memory_size": 20, "start_epoch": 0}


def build(dataset: PairDataset, miner: dict[str, Any] | None) -> CrossViewRetriever:
    torch.manual_seed(0)
    model = CrossViewRetriever(
        backbone={"type": "mmpretrain.ResNet", "depth": 18},
        neck={"type": "mmpretrain.GlobalAveragePooling"},
        head={"type": "ProjectionHead", "in_dims": 512, "embed_dims": 256},
        losses={"infonce": {"type": "InfoNCELoss"}},
        miner=miner,
        channels_last=True,
    )
    model.set_place_levels(place_levels(dataset.index, dataset.thresholds_m))
    if model.miner is not None:
        model.miner.set_dataset(dataset, WORKERS)
    return model


def batches(dataset: PairDataset, batch_size: int) -> Iterator[dict[str, Any]]:
    sampler = UniquePlaceSampler(dataset, batch_size, seed=0)
    loader = DataLoader(
        dataset,
        batch_size,
        sampler=sampler,
        num_workers=WORKERS,
        collate_fn=collate_views,
        drop_last=True,
        persistent_workers=True,
    )
    while True:
        yield from loader


class Trainer:
    """A model with its own batches and optimiser."""

    def __init__(
        self, dataset: PairDataset, batch_size: int, miner: dict[str, Any] | None = None
    ) -> None:
        self.model = build(dataset, miner)
        self.batches = batches(dataset, batch_size)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.loading = 0.0
        if miner is not None and self.model.miner.reloader is not None:
            self.model.miner.reloader = self._timed(self.model.miner.reloader)

    def _timed(self, reloader: Any) -> Any:
        def load(*arguments: Any) -> Any:
            start = time.perf_counter()
            images = reloader(*arguments)
            self.loading = time.perf_counter() - start
            return images

        return load

    def step(self) -> float:
        """Return the seconds of one step, its wait for the batch included."""
        start = time.perf_counter()
        batch = self.model.data_preprocessor(next(self.batches), training=True)
        self.optimizer.zero_grad()
        sum(self.model(**batch, mode="loss").values()).backward()
        self.optimizer.step()
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        source = CampusWorld(folder, places=(48, 12), views=2)
        dataset = PairDataset(source, views=VIEWS, pipelines=dict.fromkeys(VIEWS, PIPELINE))
        size = arguments.batch_size
        trainers = {
            "in-batch loss alone": Trainer(dataset, size),
            "with XBM-hard (reload=False)": Trainer(dataset, size, {**DOCB, "reload": False}),
            "with DOCB": Trainer(dataset, size, DOCB),
        }
        seconds: dict[str, list[float]] = {name: [] for name in trainers}
        loading: dict[str, list[float]] = {name: [] for name in trainers}
        for number in range(-2, arguments.steps):
            for name, trainer in trainers.items():
                elapsed = trainer.step()
                if number >= 0:  # the first steps start the workers and fill the memory
                    seconds[name].append(elapsed)
                    loading[name].append(trainer.loading)
    plain = torch.tensor(seconds["in-batch loss alone"]).median()
    print(f"ResNet-18, {size} pairs of {IMAGE_SIZE} px, {arguments.threads} thread(s)")
    print(f"{'step':30}{'median ms':>12}{'ratio':>8}{'loading ms':>12}")
    for name, values in seconds.items():
        median = torch.tensor(values).median()
        load = torch.tensor(loading[name]).median()
        print(f"{name:30}{1e3 * median:12.0f}{median / plain:8.2f}{1e3 * load:12.0f}")


if __name__ == "__main__":
    main()

"""Time a loader that augments against one that leaves it to the device, and the device's work.

JPEGs of CampusWorld, two recipes, one process and one thread; rounds of all alternate, and the best
of each counts:

    python benchmarks/bench_device_augmentation.py --size 512 --batch 128

Images are decoded as far as needed (``shortest_side``), or read from the cache of decoded ones,
where augmentation is most of what is left. The device is the GPU, if there is one.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch

from geoloc.campusworld import write_campusworld
from geoloc.datasets.pipeline import ViewPipelines
from geoloc.evaluation.comparison import markdown
from geoloc.models.augments import BatchAugment

CROP = {"scale": 224, "crop_ratio_range": (0.16, 1.0), "aspect_ratio_range": (0.75, 1.33)}
COLOUR = {"brightness": 0.3, "contrast": 0.3, "saturation": 0.3}
IN_LOADER: dict[str, list[dict[str, Any]]] = {
    "crop, flip": [
        {"type": "mmpretrain.RandomResizedCrop", **CROP},
        {"type": "mmpretrain.RandomFlip", "prob": 0.5},
    ],
    "rotation, crop, flip, colour": [
        {"type": "RandomRotation", "degrees": 180.0},
        {"type": "mmpretrain.RandomResizedCrop", **CROP},
        {"type": "mmpretrain.RandomFlip", "prob": 0.5},
        {"type": "mmpretrain.ColorJitter", **COLOUR},
    ],
}
ON_DEVICE: dict[str, dict[str, Any]] = {
    "crop, flip": {**CROP, "flip_prob": 0.5},
    "rotation, crop, flip, colour": {**CROP, "flip_prob": 0.5, "degrees": 180.0, **COLOUR},
}


def loader(load: dict[str, Any], augment: list[dict[str, Any]]) -> ViewPipelines:
    """Return the pipeline of a view that augments, or does nothing more than to load."""
    resize = {"type": "mmpretrain.Resize", "scale": (256, 256)}
    pack = {"type": "mmpretrain.PackInputs"}
    return ViewPipelines({"photo": [{"type": "LoadImage", **load}, resize, *augment, pack]})


def load_all(pipelines: ViewPipelines, files: Iterable[Path]) -> None:
    """Load every file, and keep none."""
    for file in files:
        pipelines.load("photo", file)


def seconds(work: Callable[[], Any]) -> float:
    """Return how long some work takes, that of a GPU included."""
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    """Render, time, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=512, help="side of a JPEG in px")
    parser.add_argument("--batch", type=int, default=128, help="images of a batch on the device")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    batch = torch.randint(0, 256, (args.batch, 3, 256, 256), dtype=torch.uint8, device=device)

    with tempfile.TemporaryDirectory() as folder:
        write_campusworld(folder, places=(20, 10), views=2, image_size=args.size)
        files = sorted(Path(folder).rglob("*.jpg"))
        sources: dict[str, dict[str, Any]] = {
            "JPEG": {"shortest_side": 256},
            "cache": {"shortest_side": 256, "cache": f"{folder}/pixels"},
        }
        work: dict[tuple[str, str], Callable[[], Any]] = {}
        for source, load in sources.items():
            for name, augment in {"none": [], **IN_LOADER}.items():
                work[source, name] = partial(load_all, loader(load, augment), files)
        for name, options in ON_DEVICE.items():
            work["device", name] = partial(BatchAugment(**options), batch)
        for one in work.values():  # fills the cache, and warms up
            one()
        best = dict.fromkeys(work, float("inf"))
        for _ in range(args.rounds):
            for key, one in work.items():
                best[key] = min(best[key], seconds(one))

    print(f"{len(files)} JPEGs of {args.size} px; 1 thread, device: {device.type}")
    rates = {
        key: (args.batch if key[0] == "device" else len(files)) / took for key, took in best.items()
    }
    rows = [
        [
            source,
            name,
            f"{rates[source, name]:.0f}",
            f"{rates[source, 'none']:.0f}",
            f"{rates[source, 'none'] / rates[source, name]:.2f}",
        ]
        for source in sources
        for name in IN_LOADER
    ]
    print("images/s of a loader on one core")
    print(
        markdown(
            [["images from", "augmentation", "it augments", "the device does", "ratio"], *rows]
        )
    )
    rows = [
        [name, f"{1e3 * best['device', name]:.0f} ms", f"{rates['device', name]:.0f}"]
        for name in ON_DEVICE
    ]
    print("BatchAugment")
    print(markdown([["augmentation", f"{args.batch} images of 256 px", "images/s"], *rows]))


if __name__ == "__main__":
    main()

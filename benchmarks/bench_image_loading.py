"""Time loading and augmenting photos against Pillow with torchvision's transforms.

JPEGs of CampusWorld, the crops of the official DyCL code, one process and one thread; rounds of the
three alternate, and the best of each counts:

    python benchmarks/bench_image_loading.py --size 512

``torchvision`` ends with normalised float32, as the official code does on the CPU; geoloc hands
uint8 on and normalises where the model is, which ``shortest_side`` does not change.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from geoloc.campusworld import write_campusworld
from geoloc.datasets.pipeline import ViewPipelines
from geoloc.evaluation.comparison import markdown

CROP = {"crop_ratio_range": (0.16, 1.0), "aspect_ratio_range": (0.75, 1.33)}


def torchvision_loader() -> Callable[[Path], torch.Tensor]:
    """Return the pipeline as it is commonly written."""
    after = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.RandomResizedCrop(224, scale=(0.16, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )

    def load(file: Path) -> torch.Tensor:
        with Image.open(file) as image:
            return after(image.convert("RGB"))

    return load


def geoloc_loader(shortest_side: int | None) -> Callable[[Path], torch.Tensor]:
    """Return the same pipeline of geoloc."""
    pipeline = [
        {"type": "LoadImage", "shortest_side": shortest_side},
        {"type": "mmpretrain.ResizeEdge", "scale": 256, "edge": "short"},
        {"type": "mmpretrain.RandomResizedCrop", "scale": 224, **CROP},
        {"type": "mmpretrain.RandomFlip", "prob": 0.5},
        {"type": "mmpretrain.PackInputs"},
    ]
    pipelines = ViewPipelines({"photo": pipeline})
    return lambda file: pipelines.load("photo", file)


def main() -> None:
    """Render, time, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=512, help="side of a JPEG in px")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    loaders = {
        "torchvision": torchvision_loader(),
        "geoloc": geoloc_loader(None),
        "geoloc, shortest_side=256": geoloc_loader(256),
    }
    with tempfile.TemporaryDirectory() as folder:
        write_campusworld(folder, places=(20, 10), views=2, image_size=args.size)
        files = sorted(Path(folder).rglob("*.jpg"))
        seconds = dict.fromkeys(loaders, np.inf)
        for _ in range(args.rounds):
            for name, load in loaders.items():
                start = time.perf_counter()
                for file in files:
                    load(file)
                seconds[name] = min(seconds[name], time.perf_counter() - start)
        sizes = [file.stat().st_size for file in files]
    print(f"{len(files)} JPEGs of {args.size} px, {np.mean(sizes) / 1024:.0f} KiB on average")
    rows = [
        [name, f"{len(files) / took:.0f}", f"{seconds['torchvision'] / took:.2f}"]
        for name, took in seconds.items()
    ]
    print(markdown([["pipeline", "images/s of one core", "ratio"], *rows]))


if __name__ == "__main__":
    main()

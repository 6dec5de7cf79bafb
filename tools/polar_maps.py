"""Write the polar-transformed satellite tiles of CVUSA, CVACT or a StreetWorld, each once.

Repeat an interrupted call to resume it. Then set ``polar=True`` in the dataset's config and leave
``PolarTransform`` out of the pipeline.
"""

import argparse
import time
from pathlib import Path

from geoloc.command_line import run_command
from geoloc.datasets import cvact, cvusa
from geoloc.datasets.polar_maps import PolarMap, maps_of, write_polar_maps


def main() -> None:
    """Parse the command line and write what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_root", type=Path, help="folder of the dataset")
    parser.add_argument(
        "--scale", type=int, nargs=2, default=(128, 512), metavar=("HEIGHT", "WIDTH")
    )
    parser.add_argument(
        "--splits",
        nargs="+",
        default=["train", "val"],
        choices=list(cvact.PARTS),
        help="CVACT only",
    )
    parser.add_argument("--workers", type=int, help="processes; default: one for each core")
    args = parser.parse_args()
    maps = _maps(args.data_root, args.splits)
    start = time.perf_counter()
    written = write_polar_maps(maps, tuple(args.scale), args.workers)
    seconds = time.perf_counter() - start
    print(f"{args.data_root}: {written} of {len(maps)} tiles transformed in {seconds:.1f} s")


def _maps(root: Path, splits: list[str]) -> list[PolarMap]:
    if (root / cvact.DESCRIPTION).is_file():
        return maps_of(cvact.read_cvact(root, splits, False, official=False), cvact.polar_path)
    return maps_of(cvusa.read_cvusa(root, polar=False), cvusa.polar_path)


if __name__ == "__main__":
    run_command(main)

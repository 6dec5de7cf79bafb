"""Render CampusWorld, the procedural stand-in for DA-Campus, into a folder."""

import argparse
import sys
import time
from pathlib import Path

from geoloc.campusworld import PRESETS, write_campusworld
from geoloc.campusworld.dataset import world_spec
from geoloc.errors import GeolocError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the world; an interrupted one resumes")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="mini")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--places", type=int, nargs=2, metavar=("TRAIN", "TEST"))
    parser.add_argument("--views", type=int, help="drone images of each place")
    parser.add_argument("--image-size", type=int, help="side of every image in px")
    parser.add_argument("--workers", type=int, help="processes; default: one for each core")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the world and say where it is; return the exit status."""
    args = parse_args(argv)
    world = {
        "seed": args.seed,
        "places": tuple(args.places) if args.places else None,
        "views": args.views,
        "image_size": args.image_size,
    }
    start = time.perf_counter()
    try:
        root = write_campusworld(args.out, args.preset, workers=args.workers, **world)
        images = world_spec(args.preset, **world).image_count
    except GeolocError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - start
    print(f"{root}: {images} images in {seconds:.1f} s ({images / seconds:.1f} images/s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

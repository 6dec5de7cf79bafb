"""Render GlobeWorld, the procedural stand-in for OSV5M, into a folder."""

import argparse
import sys
import time
from pathlib import Path

from geoloc.errors import GeolocError
from geoloc.globeworld.dataset import write_globeworld
from geoloc.globeworld.pictures import contact_sheet, planet_map
from geoloc.globeworld.spec import GlobeSpec


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "out", type=Path, nargs="?", help="folder of the world; an interrupted one is resumed"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--photos", type=int, nargs=2, metavar=("TRAIN", "TEST"), default=(6000, 1000)
    )
    parser.add_argument("--image-size", type=int, default=64, help="side of every image in px")
    parser.add_argument("--workers", type=int, help="processes; default: one for each core")
    parser.add_argument("--contact-sheet", type=Path, help="picture of some photos to write")
    parser.add_argument("--map", type=Path, help="picture of the planet to write")
    args = parser.parse_args(argv)
    if not (args.out or args.contact_sheet or args.map):
        parser.error("nothing to do: give OUT, --contact-sheet or --map")
    return args


def main(argv: list[str] | None = None) -> None:
    """Write what was asked for and say where it is."""
    args = parse_args(argv)
    try:
        if args.contact_sheet:
            contact_sheet(args.contact_sheet, args.seed)
        if args.map:
            planet_map(args.map, args.seed)
        if args.out:
            _write(args)
    except GeolocError as error:
        sys.exit(f"error: {error}")


def _write(args: argparse.Namespace) -> None:
    train, test = args.photos
    spec = GlobeSpec(
        seed=args.seed, train_photos=train, test_photos=test, image_size=args.image_size
    )
    start = time.perf_counter()
    root = write_globeworld(args.out, spec, args.workers)
    seconds = time.perf_counter() - start
    photos = train + test
    print(f"{root}: {photos} photos in {seconds:.1f} s ({photos / seconds:.1f} photos/s)")


if __name__ == "__main__":
    main()

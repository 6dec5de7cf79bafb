"""Render CampusWorld, the procedural stand-in for DA-Campus, into a folder."""

import argparse
import sys
import time
from pathlib import Path

from geoloc.campusworld import PRESETS, write_campusworld
from geoloc.campusworld.contact_sheet import contact_sheet, hero
from geoloc.campusworld.dataset import world_spec
from geoloc.errors import GeolocError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "out", type=Path, nargs="?", help="folder of the world; an interrupted one is resumed"
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="mini")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--places", type=int, nargs=2, metavar=("TRAIN", "TEST"))
    parser.add_argument("--views", type=int, help="drone images of each place")
    parser.add_argument("--image-size", type=int, help="side of every image in px")
    parser.add_argument(
        "--campus-style", type=float, help="share of its style that a campus has in common, 0 .. 1"
    )
    parser.add_argument("--workers", type=int, help="processes; default: one for each core")
    parser.add_argument("--contact-sheet", type=Path, help="picture of some places to write")
    parser.add_argument("--hero", type=Path, help="picture of a place and its levels to write")
    args = parser.parse_args(argv)
    if not (args.out or args.contact_sheet or args.hero):
        parser.error("nothing to do: give OUT, --contact-sheet or --hero")
    return args


def main(argv: list[str] | None = None) -> None:
    """Write what was asked for and say where it is."""
    args = parse_args(argv)
    try:
        if args.contact_sheet:
            contact_sheet(args.contact_sheet)
        if args.hero:
            hero(args.hero)
        if args.out:
            _write(args)
    except GeolocError as error:
        sys.exit(f"error: {error}")


def _write(args: argparse.Namespace) -> None:
    world = {
        "seed": args.seed,
        "places": tuple(args.places) if args.places else None,
        "views": args.views,
        "image_size": args.image_size,
        "campus_style": args.campus_style,
    }
    start = time.perf_counter()
    root = write_campusworld(args.out, args.preset, workers=args.workers, **world)
    seconds = time.perf_counter() - start
    images = world_spec(args.preset, **world).image_count
    print(f"{root}: {images} images in {seconds:.1f} s ({images / seconds:.1f} images/s)")


if __name__ == "__main__":
    main()

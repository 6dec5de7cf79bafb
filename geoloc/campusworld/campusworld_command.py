"""The command that renders CampusWorld."""

import argparse
import time
from pathlib import Path

from geoloc.campusworld import PRESETS, write_campusworld
from geoloc.campusworld.contact_sheet import contact_sheet, hero
from geoloc.campusworld.dataset import world_spec
from geoloc.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "out", type=Path, nargs="?", help="folder of the world; an interrupted one is resumed"
    )
    parser.add_argument(
        "--preset", choices=sorted(PRESETS), default="mini", help="default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, help="which world (default: %(default)s)")
    parser.add_argument("--places", type=int, nargs=2, metavar=("TRAIN", "TEST"), help="how many")
    parser.add_argument("--views", type=int, help="drone images of each place")
    parser.add_argument("--image-size", type=int, help="side of every image in px")
    parser.add_argument(
        "--campus-style", type=float, help="share of its style that a campus has in common, 0 .. 1"
    )
    parser.add_argument("--workers", type=int, help="processes; default: one for each core")
    parser.add_argument("--contact-sheet", type=Path, help="picture of some places to write")
    parser.add_argument("--hero", type=Path, help="picture of a place and its levels to write")


def run(args: argparse.Namespace) -> None:
    """Write what is asked for, and say where it is."""
    if not (args.out or args.contact_sheet or args.hero):
        raise ConfigError("nothing to do: give OUT, --contact-sheet or --hero")
    if args.contact_sheet:
        contact_sheet(args.contact_sheet)
    if args.hero:
        hero(args.hero)
    if args.out:
        _write(args)


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

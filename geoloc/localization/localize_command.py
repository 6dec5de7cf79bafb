"""The command that localizes photos."""

import argparse
import os
from pathlib import Path

import numpy as np

from geoloc.datasets.photo_positions import PhotoPositions
from geoloc.engine.command_line import rerank_config
from geoloc.errors import ConfigError
from geoloc.localization.answer import Answers
from geoloc.localization.answer_table import UNREAD_COLUMNS, unread_rows, write_csv
from geoloc.localization.describer import Describer
from geoloc.localization.gallery import Gallery
from geoloc.localization.gallery_building import build_gallery
from geoloc.localization.gallery_manifest import FILE
from geoloc.localization.localizer import Localizer, calibrate
from geoloc.localization.model_arguments import add_model_arguments, describer_of
from geoloc.localization.progress_line import progress_line
from geoloc.visualization.map_page import write_map

SATELLITE = "satellite"
MAP = "map.html"
NAMED = 10  # files that were not read are named; the table names all of them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("photos", nargs="+", metavar="PHOTOS", help="files, and folders of them")
    parser.add_argument(
        "--gallery",
        type=Path,
        required=True,
        metavar="GALLERY",
        help="a gallery; or a folder of images with positions or a GeoTIFF, of which one is built "
        "in OUT/gallery",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument("--view", help="that the photos show (default: not the gallery's)")
    parser.add_argument(
        "--gallery-view",
        metavar="VIEW",
        help="that the images of a folder or GeoTIFF show (default: satellite, if the model knows "
        "it)",
    )
    parser.add_argument("--ground-size", type=float, metavar="METRES", help="of a GeoTIFF's tiles")
    parser.add_argument(
        "--overlap", type=float, default=0.0, metavar="SHARE", help="of a GeoTIFF's tiles, 0 .. 1"
    )
    parser.add_argument(
        "--positions", type=Path, metavar="FILE", help="of the photos: CSV file path,lat,lon"
    )
    parser.add_argument(
        "--root", metavar="DIR", help="that its paths are relative to (default: PHOTOS)"
    )
    parser.add_argument(
        "--top-k", type=int, default=10, metavar="K", help="places (default: %(default)s)"
    )
    parser.add_argument(
        "--estimate",
        choices=["median", "top1"],
        default="median",
        help="the median of the places, weighted by score, or the best one (default: %(default)s)",
    )
    parser.add_argument(
        "--rerank", nargs="+", metavar="NAME KEY=VALUE", help="such as KReciprocal clip_k=True"
    )
    parser.add_argument(
        "--calibrate",
        type=float,
        metavar="CONFIDENCE",
        help="learn the radius from these photos, which know their positions, and keep it in the "
        "gallery",
    )
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Localize, write the results, and print what became of every file.

    Raises:
        ConfigError: If an argument cannot work, or not one photo could be read.
    """
    for given in args.photos:
        if not os.path.lexists(given):
            raise ConfigError(f"there is no file or folder {given} to localize")
    if not args.gallery.exists():
        raise ConfigError(f"--gallery {args.gallery} does not exist")
    describer = describer_of(args)
    gallery = _gallery(args, describer)
    localizer = Localizer(describer, gallery=gallery, view=args.view, estimate=args.estimate)
    rerank = rerank_config(args.rerank)
    positions = args.positions
    if args.root is not None:
        positions = PhotoPositions(args.root, positions)
    if args.calibrate is not None:
        found = calibrate(localizer, args.photos, args.calibrate, args.top_k, rerank, positions)
        print(f"radii for {found.confidence:.0%} learnt from {found.photos} photos")
    answers = localizer.localize(args.photos, args.top_k, rerank, positions)
    write_answers(answers, args.out)
    print(summary(answers))
    print(f"Results are in {args.out}; to look at them, open {args.out / MAP}")
    if not len(answers):
        raise ConfigError(f"there is no photo to read in {' '.join(args.photos)}")


def write_answers(answers: Answers, folder: Path) -> None:
    """Write ``answers.csv``, ``places.csv``, ``answers.geojson``, ``unread.csv``, ``map.html``."""
    folder.mkdir(parents=True, exist_ok=True)
    answers.to_csv(folder / "answers.csv")
    answers.to_csv(folder / "places.csv", per="place")
    answers.to_geojson(folder / "answers.geojson")
    write_csv(folder / "unread.csv", UNREAD_COLUMNS, unread_rows(answers.unread))
    write_map(answers, folder / MAP)


def summary(answers: Answers) -> str:
    """Return what became of every file, and the errors where positions are known."""
    files = len(answers) + len(answers.unread)
    lines = [f"{files} files: {len(answers)} localized, {len(answers.unread)} not read"]
    lines += [f"  {row['file']}: {row['reason']}" for row in unread_rows(answers.unread[:NAMED])]
    if len(answers.unread) > NAMED:
        lines.append(f"  and {len(answers.unread) - NAMED} more, in unread.csv")
    errors_m = answers.errors_m
    if len(errors_m):
        lines.append(
            f"median error {np.median(errors_m):.1f} m, of the {len(errors_m)} photos that know "
            "their position"
        )
        inside = [
            answer.error_m <= answer.radius_m
            for answer in answers
            if answer.error_m is not None and answer.radius_m is not None
        ]
        if inside:
            lines.append(f"{np.mean(inside):.0%} of {len(inside)} within their radius")
    return "\n".join(lines)


def _gallery(args: argparse.Namespace, describer: Describer) -> Gallery:
    if (args.gallery / FILE).is_file():
        return Gallery(args.gallery)
    view = args.gallery_view or _view_from_above(args, describer)
    with progress_line("gallery") as progress:
        gallery = build_gallery(
            args.out / "gallery",
            args.gallery,
            describer,
            view,
            ground_size_m=args.ground_size,
            overlap=args.overlap,
            progress=progress,
            overwrite=True,
        )
    left_out = f", {len(gallery.unread)} files left out" if gallery.unread else ""
    print(f"gallery of {len(gallery)} images in {gallery.folder}{left_out}")
    if gallery.unread:
        file = gallery.folder / "unread.csv"
        write_csv(file, UNREAD_COLUMNS, unread_rows(gallery.unread))
    return gallery


def _view_from_above(args: argparse.Namespace, describer: Describer) -> str:
    """Return the view that images with positions show, if nobody says otherwise."""
    if len(describer.views) == 1:
        return describer.views[0]
    if SATELLITE in describer.views:
        return SATELLITE
    raise ConfigError(
        f"--gallery {args.gallery} is no gallery but images: give --gallery-view, the view that "
        f"they show, {' or '.join(describer.views)}"
    )

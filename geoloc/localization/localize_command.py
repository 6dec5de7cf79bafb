"""The command that localizes photos."""

import argparse
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("photos", nargs="+", metavar="PHOTOS", help="files, and folders of them")
    parser.add_argument(
        "--gallery",
        type=Path,
        required=True,
        help="a gallery; or a folder of images with positions or a GeoTIFF, of which one is built "
        "in OUT/gallery",
    )
    add_model_arguments(parser)
    parser.add_argument("--out", type=Path, default=Path("results"), help="default: %(default)s")
    parser.add_argument("--view", help="that the photos show (default: not the gallery's)")
    parser.add_argument("--gallery-view", help="that the images of a folder or GeoTIFF show")
    parser.add_argument("--ground-size", type=float, metavar="METRES", help="of a GeoTIFF's tiles")
    parser.add_argument("--overlap", type=float, default=0.0, help="of a GeoTIFF's tiles, 0 .. 1")
    parser.add_argument("--positions", type=Path, help="of the photos: CSV file path,lat,lon")
    parser.add_argument("--root", help="that its paths are relative to (default: PHOTOS)")
    parser.add_argument("--top-k", type=int, default=10, help="places (default: %(default)s)")
    parser.add_argument("--estimate", choices=["median", "top1"], default="median")
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
    parser.add_argument("--device", help="cuda or cpu (default: cuda if there is one)")


def run(args: argparse.Namespace) -> None:
    """Localize, write the results, and print a summary."""
    describer = describer_of(args, device=args.device)
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
    print(f"Results are in {args.out}: answers.csv, places.csv, answers.geojson, unread.csv")


def write_answers(answers: Answers, folder: Path) -> None:
    """Write ``answers.csv``, ``places.csv``, ``answers.geojson`` and ``unread.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    answers.to_csv(folder / "answers.csv")
    answers.to_csv(folder / "places.csv", per="place")
    answers.to_geojson(folder / "answers.geojson")
    write_csv(folder / "unread.csv", UNREAD_COLUMNS, unread_rows(answers.unread))


def summary(answers: Answers) -> str:
    """Return in two lines what became of every file, and the errors where positions are known."""
    files = len(answers) + len(answers.unread)
    lines = [f"{files} files: {len(answers)} localized, {len(answers.unread)} not read"]
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
    if not args.gallery.exists():
        raise ConfigError(f"--gallery {args.gallery} does not exist")
    if args.gallery_view is None and len(describer.views) > 1:
        raise ConfigError(
            f"--gallery {args.gallery} is no gallery but images: give --gallery-view, the view "
            f"that they show, {' or '.join(describer.views)}"
        )
    view = args.gallery_view or describer.views[0]
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

"""The command that builds galleries and works on them."""

import argparse
from pathlib import Path

import numpy as np

from geoloc.datasets.index import Index
from geoloc.datasets.source import IndexDataset, Source
from geoloc.errors import DatasetError
from geoloc.evaluation.descriptor_files import read_descriptors
from geoloc.localization.answer_table import UNREAD_COLUMNS, unread_rows, write_csv
from geoloc.localization.descriptor_codes import DTYPES
from geoloc.localization.gallery import Gallery
from geoloc.localization.gallery_building import build_gallery
from geoloc.localization.gallery_shards import merge_galleries, shard_gallery
from geoloc.localization.model_arguments import add_model_arguments, describer_of
from geoloc.localization.progress_line import progress_line

UNREAD_FILE = "unread.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in {"build": "make a gallery", "append": "add to a gallery"}.items():
        command = commands.add_parser(action, help=text, description=_SOURCES)
        command.add_argument("source", type=Path, metavar="SOURCE")
        command.add_argument("gallery", type=Path, metavar="GALLERY", help="its folder")
        add_model_arguments(command)
        _add_source_arguments(command)
        if action == "build":
            command.add_argument("--dtype", choices=DTYPES, default="float32", help="to store")
    merge = commands.add_parser("merge", help="put galleries of one model together")
    merge.add_argument("gallery", type=Path, metavar="NEW")
    merge.add_argument("galleries", type=Path, nargs="+", metavar="GALLERY")
    shard = commands.add_parser("shard", help="cut a gallery into smaller ones")
    shard.add_argument("gallery", type=Path, metavar="GALLERY")
    shard.add_argument("folder", type=Path, metavar="FOLDER", help="of the shards")
    shard.add_argument("--count", type=int, required=True)
    index = commands.add_parser("index", help="build the index for approximate search")
    index.add_argument("gallery", type=Path, metavar="GALLERY")
    index.add_argument("--factory", help="of faiss (default: IVF<4 sqrt(n)>,SQ8)")
    index.add_argument("--nprobe", type=int, default=32, help="lists to look into")
    info = commands.add_parser("info", help="say what is in a gallery")
    info.add_argument("gallery", type=Path, metavar="GALLERY")
    info.add_argument("--verify", action="store_true", help="compare all checksums")


_SOURCES = (
    "SOURCE is a folder of photos with positions (positions.csv, @utm@ names or EXIF), a GeoTIFF, "
    "or an index file path,view,place,lat,lon,split (.csv)."
)


def _add_source_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--view", help="the view that the images show, e.g. satellite")
    parser.add_argument("--positions", type=Path, help="of a folder: CSV file path,lat,lon")
    parser.add_argument("--ground-size", type=float, metavar="METRES", help="of a GeoTIFF's tiles")
    parser.add_argument("--overlap", type=float, default=0.0, help="of a GeoTIFF's tiles, 0 .. 1")
    parser.add_argument("--root", help="of the images in an index file (default: its folder)")
    parser.add_argument("--split", nargs="+", help="of an index file (default: all)")
    parser.add_argument(
        "--descriptors", type=Path, help="of an index file: .npy, .npz; then no model is needed"
    )


def run(args: argparse.Namespace) -> None:
    """Do what the parsed arguments say, and print what came out."""
    if args.action == "merge":
        merge_galleries(args.gallery, [Gallery(folder) for folder in args.galleries])
    elif args.action == "shard":
        for shard in shard_gallery(Gallery(args.gallery), args.folder, args.count):
            print(summary(shard))
        return
    elif args.action == "index":
        Gallery(args.gallery).build_index(args.factory, args.nprobe)
    elif args.action == "info":
        if args.verify:
            Gallery(args.gallery).verify()
            print("all checksums are right")
    elif args.descriptors is not None:
        _store_descriptors(args)
    else:
        _describe(args)
    print(summary(Gallery(args.gallery)))


def summary(gallery: Gallery) -> str:
    """Return what is in a gallery, in some lines."""
    manifest = gallery.manifest
    model = manifest.model
    known = "unknown"
    if model is not None:
        known = f"weights {model.fingerprint}, config {model.config_hash}"
    index = manifest.index
    lines = [
        f"{gallery.folder}: {len(gallery)} rows of width {gallery.dim} in {manifest.dtype}",
        f"  model: {known}",
        *(
            f"  {part.rows} rows: {made or 'of unknown origin'}"
            for part, made in zip(manifest.parts, manifest.made, strict=True)
        ),
        f"  search: {f'{index.factory} over {index.rows} rows' if index else 'exact'}",
    ]
    return "\n".join(lines)


def _store_descriptors(args: argparse.Namespace) -> None:
    index = Index.read_csv(args.source, args.root)
    descriptors = read_descriptors(args.descriptors).numpy()
    if len(descriptors) != len(index):
        raise DatasetError(
            f"{args.descriptors} has {len(descriptors)} rows, {args.source} {len(index)}; they "
            "must belong together line by line"
        )
    chosen = np.flatnonzero(
        np.isin(index.path, index.select(args.split, args.view).path)  # paths are unique
    )
    part = index.take(chosen)
    made = f"{args.descriptors} for {args.source}"
    images, values = part.path.tolist(), descriptors[chosen]
    if args.action == "append":
        from geoloc.localization.gallery_rows import blocks_of_arrays

        blocks = blocks_of_arrays(values, part.image_latlon, images)
        Gallery(args.gallery).append(blocks, root=index.root, made=made)
        return
    Gallery.from_arrays(
        args.gallery,
        values,
        part.image_latlon,
        images,
        root=index.root,
        made=made,
        dtype=args.dtype,
    )


def _describe(args: argparse.Namespace) -> None:
    if args.view is None:
        raise DatasetError(
            "give --view, the view that the images show; or --descriptors with an index file"
        )
    source: Path | Source = args.source
    if args.source.suffix.lower() == ".csv":
        source = IndexDataset(args.source, args.root, thresholds_m=())
    options = {} if args.action == "append" else {"dtype": args.dtype}
    with progress_line("described") as progress:
        gallery = build_gallery(
            args.gallery,
            source,
            describer_of(args),
            args.view,
            append=args.action == "append",
            ground_size_m=args.ground_size,
            overlap=args.overlap,
            positions=args.positions,
            split=args.split,
            progress=progress,
            **options,
        )
    if gallery.unread:
        file = args.gallery / UNREAD_FILE
        write_csv(file, UNREAD_COLUMNS, unread_rows(gallery.unread))
        print(f"{len(gallery.unread)} files were left out; {file} tells why")

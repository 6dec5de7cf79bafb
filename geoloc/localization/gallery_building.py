"""Build galleries of images with a model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geoloc.datasets.source import Source
from geoloc.errors import ConfigError, GalleryError
from geoloc.localization.answer import Unread
from geoloc.localization.describer import Describer
from geoloc.localization.gallery import Gallery
from geoloc.localization.gallery_rows import Rows
from geoloc.localization.gallery_sources import (
    Progress,
    counted,
    folder_rows,
    index_rows,
    raster_rows,
)

RASTER_SUFFIXES = {".tif", ".tiff"}


def build_gallery(
    folder: str | Path,
    source: str | Path | Source,
    describer: Describer,
    view: str,
    *,
    append: bool = False,
    ground_size_m: float | None = None,
    overlap: float = 0.0,
    positions: str | Path | None = None,
    split: str | Sequence[str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Gallery:
    """Describe images and write a gallery, or append them to one.

    Args:
        folder: Of the gallery.
        source: A folder of photos that know their position, a GeoTIFF, or a dataset.
        describer: The model.
        view: The view that the images show.
        append: To the gallery in ``folder``.
        ground_size_m: Of a GeoTIFF: side of a tile in metres.
        overlap: Of a GeoTIFF: share of a tile's side that its neighbour covers too.
        positions: Of a folder: CSV file ``path,lat,lon``.
        split: Of a dataset: part or parts of it; by default all.
        progress: Is told how far the work is, but for a GeoTIFF.
        **options: ``dtype`` and ``overwrite`` of ``Gallery.create``.

    Returns:
        The gallery, with the files that were left out in ``unread``.

    Raises:
        GeolocError: If source and arguments do not fit, or nothing is left to store.
    """
    unread: list[Unread] = []
    blocks: Iterator[Rows]
    if isinstance(source, Source):
        name, root = source.protocol.dataset, source.index.root
        blocks = index_rows(describer, source.index, view, unread, split, progress)
    elif _is_raster(Path(source)):
        ground_size_m = _known_ground_size(source, ground_size_m)
        name, root = Path(source).name, Path(source).parent
        name += f" in tiles of {ground_size_m:g} m, overlap {overlap:g}"
        blocks = raster_rows(describer, source, view, ground_size_m, overlap)
    else:
        name, root = str(source), Path(source)
        blocks = folder_rows(describer, source, view, unread, positions, progress)
    model, made = describer.record(view), f"view {view} of {name}"
    with _telling_what_was_left_out(unread):
        if append:
            gallery = Gallery(folder, model)
            gallery.append(blocks, root=root, model=model, made=made)
        else:
            gallery = Gallery.create(folder, blocks, root=root, model=model, made=made, **options)
    gallery.unread = counted(unread)
    return gallery


def _is_raster(source: Path) -> bool:
    return source.suffix.lower() in RASTER_SUFFIXES and source.is_file()


def _known_ground_size(raster: str | Path, ground_size_m: float | None) -> float:
    """Return the side of a raster's tiles in metres.

    Raises:
        ConfigError: If it is not given.
    """
    if ground_size_m is None:
        raise ConfigError(
            f"{raster} is a raster: give ground_size_m (--ground-size), the side of its tiles in "
            "metres, as large as on the images that the model was trained on"
        )
    return ground_size_m


@contextmanager
def _telling_what_was_left_out(unread: Sequence[Unread]) -> Iterator[None]:
    """Let an error of the block also name the first file that was left out.

    Args:
        unread: The files, which the block adds to.

    Raises:
        GalleryError: That of the block, with the file.
    """
    try:
        yield
    except GalleryError as error:
        if not unread:
            raise
        first = counted(unread)[0]
        raise GalleryError(
            f"{error}; {len(unread)} files were left out, the first is {first.file}: {first.reason}"
        ) from error

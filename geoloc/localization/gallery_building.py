"""Build galleries of images with a model."""

from collections.abc import Iterator, Sequence
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
    elif Path(source).suffix.lower() in RASTER_SUFFIXES and Path(source).is_file():
        if ground_size_m is None:
            raise ConfigError(
                f"{source} is a raster: give ground_size_m (--ground-size), the side of its tiles "
                "in metres, as large as on the images that the model was trained on"
            )
        name, root = Path(source).name, Path(source).parent
        blocks = raster_rows(describer, source, view, ground_size_m, overlap)
        name += f" in tiles of {ground_size_m:g} m, overlap {overlap:g}"
    else:
        name, root = str(source), Path(source)
        blocks = folder_rows(describer, source, view, unread, positions, progress)
    model, made = describer.record(view), f"view {view} of {name}"
    try:
        if append:
            gallery = Gallery(folder, model)
            gallery.append(blocks, root=root, model=model, made=made)
        else:
            gallery = Gallery.create(folder, blocks, root=root, model=model, made=made, **options)
    except GalleryError as error:
        if not unread:
            raise
        first = counted(unread)[0]
        raise GalleryError(
            f"{error}; {len(unread)} files were left out, the first is {first.file}: {first.reason}"
        ) from error
    gallery.unread = counted(unread)
    return gallery

"""Cut a gallery into shards, and put galleries together again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from geoloc.errors import GalleryError
from geoloc.localization.gallery import Gallery, other_model
from geoloc.localization.gallery_manifest import Manifest
from geoloc.localization.gallery_rows import Rows

PartRows = tuple[Iterator[Rows], str, str]
"""Rows, the root of their images, and how they were made."""


def merge_galleries(folder: str | Path, galleries: Sequence[Gallery]) -> Gallery:
    """Write the rows of several galleries of one model into a new one, in that order.

    Args:
        folder: Of the new gallery, which stores descriptors in the type of the first.
        galleries: At least one.

    Raises:
        GalleryError: If there is none, models or widths differ, or ``folder`` holds a gallery.
    """
    if not galleries:
        raise GalleryError("merging needs at least one gallery")
    first = galleries[0]
    for other in galleries[1:]:
        if other.manifest.model != first.manifest.model:
            raise GalleryError(other_model(other, first.manifest.model, str(first.folder)))
        if other.dim != first.dim:
            raise GalleryError(
                f"{other.folder} has descriptors of width {other.dim}, {first.folder} of width "
                f"{first.dim}: merge galleries of one model"
            )
    sources = [
        (part.blocks(), part.record.root, made)
        for gallery in galleries
        for part, made in zip(gallery.parts, gallery.manifest.made, strict=True)
    ]
    return _of_parts(Path(folder), first.manifest, sources)


def shard_gallery(gallery: Gallery, folder: str | Path, count: int) -> list[Gallery]:
    """Cut a gallery into runs of rows of equal size; ``merge_galleries`` undoes it.

    Args:
        gallery: To cut; it stays.
        folder: Gets a gallery ``shard-<number>-of-<count>`` for every run.
        count: Shards.

    Raises:
        GalleryError: If ``count`` is not 1 .. the number of rows.
    """
    if not 1 <= count <= len(gallery):
        raise GalleryError(f"count={count} shards must be 1 .. {len(gallery)}, a row for each")
    shards = []
    for number in range(count):
        start, stop = (len(gallery) * edge // count for edge in (number, number + 1))
        name = Path(folder) / f"shard-{number:03d}-of-{count:03d}"
        shards.append(_of_parts(name, gallery.manifest, _run(gallery, start, stop)))
    return shards


def _run(gallery: Gallery, start: int, stop: int) -> list[PartRows]:
    """Return rows ``start .. stop`` of a gallery, part by part."""
    run = []
    for part, made in zip(gallery.parts, gallery.manifest.made, strict=True):
        rows = slice(max(0, start), min(max(0, stop), len(part)))
        if rows.start < rows.stop:
            run.append((part.blocks(rows), part.record.root, made))
        start, stop = start - len(part), stop - len(part)
    return run


def _of_parts(folder: Path, like: Manifest, sources: Sequence[PartRows]) -> Gallery:
    (blocks, root, made), *others = sources
    gallery = Gallery.create(
        folder, blocks, root=root, model=like.model, made=made, dtype=like.dtype
    )
    for blocks, root, made in others:
        gallery.append(blocks, root=root, model=like.model, made=made)
    return gallery

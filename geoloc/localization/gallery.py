"""A gallery: descriptors of places with known positions, in one folder."""

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.errors import GalleryError
from geoloc.evaluation.search import FaissIndex, SearchResult
from geoloc.geo.coordinates import coordinate_fault
from geoloc.localization import gallery_search
from geoloc.localization.answer import Unread
from geoloc.localization.checked_file import check_content
from geoloc.localization.descriptor_codes import check_dtype
from geoloc.localization.gallery_manifest import FILE, Manifest, ModelRecord
from geoloc.localization.gallery_part import GalleryPart, write_part
from geoloc.localization.gallery_rows import Rows, blocks_of_arrays

CALIBRATION_FILE = "calibration.json"
INDEX_FILES = ("index.faiss", "index-1.faiss")
SMALL_BYTES = 2**24  # files up to this size are read and checked as a whole at opening


class Gallery:
    """Places to find, memory-mapped from a folder; ``Gallery(folder)`` opens one.

    Rows are added by parts whose files never change, and ``gallery.json``, which is replaced in one
    step, says which parts there are: whatever stops a call that adds rows, the folder holds the
    gallery from before. One process at a time may add rows; others may read meanwhile.

    Args:
        folder: The gallery's folder.
        model: The model that will describe the queries; None to ask for nothing.

    Attributes:
        unread: The files that were left out when the gallery was built, and why.

    Raises:
        GalleryError: If the folder holds no gallery, a file is missing or damaged, or the gallery
            was made with another model; the message names the file, or both models.
    """

    def __init__(self, folder: str | Path, model: ModelRecord | None = None) -> None:
        self.folder = Path(folder)
        self.unread: tuple[Unread, ...] = ()
        self._open(Manifest.read(self.folder))
        if model is not None:
            self.check_model(model)

    def _open(self, manifest: Manifest) -> None:
        for part in manifest.parts:
            for file in part.files:
                if file.bytes <= SMALL_BYTES:
                    check_content(self.folder, file)
        self.manifest = manifest
        self.parts = [
            GalleryPart(self.folder, part, manifest.dim, manifest.dtype) for part in manifest.parts
        ]
        self._index: FaissIndex | None = None

    @classmethod
    def create(
        cls,
        folder: str | Path,
        blocks: Iterable[Rows],
        *,
        root: str | Path = "",
        model: ModelRecord | None = None,
        made: str = "",
        dtype: str = "float32",
        overwrite: bool = False,
    ) -> "Gallery":
        """Write a new gallery, of which only one block is in memory at a time.

        Args:
            folder: Created if missing.
            blocks: Its rows.
            root: Folder that the image paths are relative to.
            model: The model that described the images.
            made: How the rows were made, in words.
            dtype: Type to store descriptors in, ``float32``, ``float16`` or ``int8``.
            overwrite: Replace a gallery that is there.

        Raises:
            GalleryError: If there is a gallery already, or no row to store.
        """
        check_dtype(dtype)
        folder = Path(folder)
        if (folder / FILE).exists():
            if not overwrite:
                raise GalleryError(
                    f"{folder} holds a gallery already; append to it, or give another folder"
                )
            (folder / FILE).unlink()
            (folder / CALIBRATION_FILE).unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        part, width = write_part(folder, 0, blocks, dtype, _absolute(root))
        Manifest(width, dtype, model=model).with_part(part, made).write(folder)
        gallery = cls(folder)
        if len(gallery) >= gallery_search.LARGE:
            gallery.build_index()
        return gallery

    @classmethod
    def from_arrays(
        cls,
        folder: str | Path,
        descriptors: NDArray[Any],
        latlon: NDArray[Any],
        images: Sequence[str] = (),
        **options: Any,
    ) -> "Gallery":
        """Write a gallery of descriptors ``[n, D]`` and (lat, lon) ``[n, 2]`` in degrees.

        Args:
            folder: Created if missing.
            descriptors: Of any real type, memory maps too; they are normalised.
            latlon: In degrees.
            images: Image files relative to ``root``, ``n`` or none.
            **options: Of ``create``.
        """
        blocks = blocks_of_arrays(descriptors, latlon, images)
        return cls.create(folder, blocks, **{"made": "from arrays", **options})

    def append(
        self,
        blocks: Iterable[Rows],
        *,
        root: str | Path = "",
        model: ModelRecord | None = None,
        made: str = "",
    ) -> None:
        """Add rows behind the others; arguments as for ``create``.

        An index finds them too, but looks at them one by one until ``build_index`` is called.

        Raises:
            GalleryError: If the rows are of another model or width, there is none, or another
                process changed the gallery.
        """
        if model != self.manifest.model:
            raise GalleryError(other_model(self, model, "what is added"))
        part, width = write_part(
            self.folder, len(self.parts), blocks, self.manifest.dtype, _absolute(root)
        )
        if width != self.dim:
            raise GalleryError(
                f"{self.folder} has descriptors of width {self.dim}, what is added {width}: use "
                "descriptors of one model"
            )
        self._replace(self.manifest.with_part(part, made))

    def build_index(self, factory: str | None = None, nprobe: int = 32) -> None:
        """Build an index for approximate search over all rows, in place of the one there is.

        Galleries of 200,000 rows get one when they are created. A search asks it for ten times as
        many rows as it needs and scores those exactly.

        Args:
            factory: Of faiss; by default inverted lists of 8-bit codes.
            nprobe: Lists that are looked into; more find more, and take longer.
        """
        old = self.manifest.index
        name = INDEX_FILES[old is not None and old.file.name == INDEX_FILES[0]]
        record = gallery_search.build_index(self.folder / name, self.parts, factory, nprobe)
        self._replace(replace(self.manifest, index=record))
        if old is not None:
            (self.folder / old.file.name).unlink(missing_ok=True)

    def _replace(self, manifest: Manifest) -> None:
        if Manifest.read(self.folder) != self.manifest:
            raise GalleryError(f"{self.folder} was changed by another process; open it again")
        manifest.write(self.folder)
        self._open(manifest)

    def check_model(self, model: ModelRecord) -> None:
        """Refuse to search with the descriptors of another model.

        Raises:
            GalleryError: If weights or config differ; the message names both.
        """
        own = self.manifest.model
        if own is None:
            warnings.warn(
                f"{self.folder} does not say which model made its descriptors; nothing tells "
                "whether they can be compared with this model's",
                stacklevel=2,
            )
        elif (own.fingerprint, own.config_hash) != (model.fingerprint, model.config_hash):
            raise GalleryError(other_model(self, model, "the queries"))

    def search(self, query: NDArray[Any], k: int, exact: bool = False) -> SearchResult:
        """Find the k rows of highest cosine for every query.

        Args:
            query: Descriptors ``[Q, D]``, normalised.
            k: Rows per query; all rows, if there are fewer.
            exact: Look at every row even if there is an index.

        Returns:
            Scores and rows, best first. With an index some of the best may be missed; where it
            finds fewer than k, the row is -1.

        Raises:
            GalleryError: If widths differ, or the index is damaged.
            ValueError: If k is below 1, or a query is not finite.
        """
        values = np.asarray(query, dtype=np.float32)
        if values.shape[1:] != (self.dim,):
            raise GalleryError(
                f"{self.folder} has descriptors of width {self.dim}, the queries are "
                f"{[*values.shape]}: use the model that the gallery was made with"
            )
        k = min(k, len(self))
        if exact or self.manifest.index is None:
            return gallery_search.exact_result(self.parts, values, k)
        if self._index is None:
            self._index = gallery_search.open_index(self.folder, self.manifest.index)
        return gallery_search.indexed_result(self._index, self.parts, values, k)

    def verify(self) -> None:
        """Read every file, compare its checksum, and look at every position and path.

        Raises:
            GalleryError: At the first file that differs, or that holds what cannot be.
        """
        for file in chain.from_iterable(part.files for part in self.manifest.parts):
            check_content(self.folder, file)
        if self.manifest.index is not None:
            check_content(self.folder, self.manifest.index.file)
        for part in self.parts:
            for block in part.blocks():
                self._check_positions(block.latlon)

    def _check_positions(self, latlon: NDArray[np.float64]) -> None:
        if fault := coordinate_fault(latlon):
            raise GalleryError(
                f"{self.folder / FILE}: a position of the gallery is none: {fault[1]}; take the "
                "gallery from its source again"
            )

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.manifest.count

    @property
    def dim(self) -> int:
        """Width D of the descriptors."""
        return self.manifest.dim

    def descriptors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the descriptors of some rows, float32 ``[r, D]``."""
        return gallery_search.take(self.parts, np.asarray(rows))

    def latlon(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the (lat, lon) in degrees of some rows, float64 ``[r, 2]``.

        Raises:
            GalleryError: If a stored position is none.
        """
        places = [self.parts[part].latlon[row] for part, row in self._located(rows)]
        latlon = np.array(places, np.float64).reshape(-1, 2)
        self._check_positions(latlon)
        return latlon

    def images(self, rows: NDArray[np.int64]) -> tuple[Path, ...]:
        """Return the image files of some rows; none at all if one of them has none.

        Raises:
            GalleryError: If a stored path leaves the root of the images.
        """
        files = []
        for number, row in self._located(rows):
            part = self.parts[number]
            if not part.has_images:
                return ()
            files.append(Path(part.record.root) / part.image(row))
        return tuple(files)

    def _located(self, rows: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Return the part of every row, and its row there."""
        starts = np.cumsum([0, *map(len, self.parts)])
        parts = np.searchsorted(starts, rows, side="right") - 1
        return [*zip(parts.tolist(), (rows - starts[parts]).tolist(), strict=True)]


def other_model(gallery: Gallery, model: ModelRecord | None, what: str) -> str:
    """Return the sentence that refuses a gallery, because ``what`` is of another model."""
    own, other = (
        f"model {record.fingerprint} with config {record.config_hash} (view {record.view or '-'})"
        if record
        else "no known one"
        for record in (gallery.manifest.model, model)
    )
    return (
        f"{gallery.folder} was made with {own}, {what} with {other}: their descriptors cannot be "
        "compared; use the checkpoint and config of the gallery, or build it again"
    )


def _absolute(root: str | Path) -> str:
    return os.path.abspath(root) if str(root) else ""

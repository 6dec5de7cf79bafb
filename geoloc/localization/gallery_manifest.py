"""``gallery.json``: what the files of a gallery are, and how they were made."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from geoloc.errors import GalleryError
from geoloc.inner_paths import is_file_name
from geoloc.json_files import read_json_file
from geoloc.localization.checked_file import FileRecord
from geoloc.localization.descriptor_codes import DTYPES
from geoloc.localization.gallery_part import ALWAYS, WITH_IMAGES, PartRecord
from geoloc.whole_files import write_json

FILE = "gallery.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ModelRecord:
    """Which model described the images.

    Attributes:
        config_hash: Hash of the config of the model and of how it loads images.
        fingerprint: Hash of the weights.
        view: The view that the images were described as.
    """

    config_hash: str
    fingerprint: str
    view: str = ""


@dataclass(frozen=True)
class IndexRecord:
    """An index of faiss over the first rows.

    Attributes:
        factory: What it was built with.
        parameters: Search parameters.
        rows: How many of the gallery's rows it holds.
        file: Its file.
    """

    factory: str
    parameters: Mapping[str, float]
    rows: int
    file: FileRecord


@dataclass(frozen=True)
class Manifest:
    """The content of ``gallery.json``.

    Attributes:
        dim: Width D of the descriptors.
        dtype: Type that they are stored in.
        count: Number of rows.
        model: The model that described the images; None for descriptors of unknown origin.
        parts: The parts in the order of their rows.
        made: How each of them was made, in words.
        index: The index for approximate search, if there is one.
        format_version: Of this file.
    """

    dim: int
    dtype: str
    count: int = 0
    model: ModelRecord | None = None
    parts: tuple[PartRecord, ...] = ()
    made: tuple[str, ...] = ()
    index: IndexRecord | None = None
    format_version: int = field(default=FORMAT_VERSION)

    def with_part(self, part: PartRecord, made: str) -> "Manifest":
        """Return the manifest of the gallery with one more part."""
        return replace(
            self,
            parts=(*self.parts, part),
            made=(*self.made, made),
            count=self.count + part.rows,
        )

    @property
    def content_hash(self) -> str:
        """12 hex digits that change with the rows."""
        facts = [self.dtype, [asdict(file) for part in self.parts for file in part.files]]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    def write(self, folder: Path) -> None:
        """Write ``gallery.json``: only from then on the gallery is this one."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read ``gallery.json``.

        Raises:
            GalleryError: If it is missing, damaged, or of a later version of the format.
        """
        file = folder / FILE
        if not file.is_file():
            raise GalleryError(
                f"{folder} is no gallery: it has no {FILE}; make one with geoloc gallery build"
            )
        try:
            content = read_json_file(file)
            version = content["format_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise GalleryError(f"{file} is damaged ({error}); copy it again") from error
        if version != FORMAT_VERSION:
            raise GalleryError(
                f"{file} has format version {version!r}, this geoloc reads {FORMAT_VERSION}; "
                "update geoloc, or build the gallery again"
            )
        try:
            return _parse(content)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise GalleryError(f"{file} is damaged ({error!r}); copy it again") from error


def _parse(content: Mapping[str, Any]) -> Manifest:
    parts = tuple(
        PartRecord(int(part["rows"]), str(part["root"]), tuple(map(_file, part["files"])))
        for part in content["parts"]
    )
    model, index = content["model"], content["index"]
    manifest = Manifest(
        int(content["dim"]),
        str(content["dtype"]),
        int(content["count"]),
        ModelRecord(**model) if model else None,
        parts,
        tuple(map(str, content["made"])),
        IndexRecord(**{**index, "file": _file(index["file"])}) if index else None,
    )
    if manifest.dtype not in DTYPES or manifest.count != sum(part.rows for part in parts):
        raise ValueError("its dtype or count does not fit its parts")
    if not {len(part.files) for part in parts} <= {len(ALWAYS), len(ALWAYS + WITH_IMAGES)}:
        raise ValueError("a part has too few files, or too many")
    return manifest


def _file(content: Mapping[str, Any]) -> FileRecord:
    record = FileRecord(str(content["name"]), int(content["bytes"]), int(content["crc32"]))
    if not is_file_name(record.name):
        raise ValueError(f"file {record.name!r} is not in the gallery's folder")
    return record

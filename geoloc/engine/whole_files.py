"""Files that are either whole or not there, whenever a run is killed."""

import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

PART = ".part"


def write_whole(content: bytes, path: str | Path) -> None:
    """Write a file beside its place, bring it to the disk, and then give it its name.

    Args:
        content: Of the file.
        path: Its place; the folder is created.

    Raises:
        OSError: If it cannot be written; what was there before is still there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    try:
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


@register_backend("local", prefixes="", force=True)
class WholeFileBackend(LocalBackend):
    """mmengine's access to local files, which then writes checkpoints whole or not at all."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes, see ``write_whole``."""
        write_whole(obj, filepath)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        """Write text, see ``write_whole``."""
        write_whole(obj.encode(encoding), filepath)

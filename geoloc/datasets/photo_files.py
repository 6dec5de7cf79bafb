"""Find the photos among files and folders, so that every file is accounted for."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

POSITIONS_FILE = "positions.csv"


def photo_files(paths: Iterable[str | Path]) -> tuple[list[Path], dict[Path, str]]:
    """List files, and all files below folders, in the order of their names.

    Links to folders are not followed, so that none is walked twice or for ever. ``positions.csv``
    in a given folder, which lists positions, is no photo.

    Args:
        paths: Files and folders.

    Returns:
        The regular files that are not empty, each once; and for everything else the reason why it
        is no photo.
    """
    files: dict[Path, None] = {}
    unusable: dict[Path, str] = {}
    for path in map(Path, paths):
        found = _below(path, unusable) if path.is_dir() else [path]
        for file in found:
            if reason := _fault(file):
                unusable[file] = reason
            elif file != path / POSITIONS_FILE:
                files[file] = None
    return list(files), unusable


def _below(folder: Path, unusable: dict[Path, str]) -> list[Path]:
    found = []

    def unreadable(error: OSError) -> None:
        unusable[Path(error.filename)] = f"the folder cannot be read: {error.strerror}"

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders.sort()
        for name in [name for name in folders if (Path(parent) / name).is_symlink()]:
            unusable[Path(parent) / name] = "a link to a folder is not followed; name that folder"
        found += [Path(parent) / name for name in sorted(names)]
    return found


def _fault(file: Path) -> str | None:
    """Return why a path is no file with content; a pipe would be read for ever."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return "a link to a file that does not exist" if file.is_symlink() else "does not exist"
    except (OSError, ValueError) as error:  # a loop of links, no permission; a null byte
        return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
    if not stat.S_ISREG(status.st_mode):
        return "no regular file"
    return None if status.st_size else "the file is empty (0 bytes)"

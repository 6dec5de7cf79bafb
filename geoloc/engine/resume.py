"""Which checkpoint a stopped run goes on from."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from geoloc.engine.run_files import checkpoint_of_run

BEST = "best_"  # the beginning of the names that mmengine gives them


def newest_whole_checkpoint(
    folder: Path, since: float = 0.0
) -> tuple[Path | None, dict[Path, str]]:
    """Return the newest checkpoint of a run that is whole, and the newer ones that are not.

    Args:
        folder: Of the run.
        since: Leave out those that were written before, in seconds since 1970.

    Returns:
        The checkpoint, or None if there is none; and why each newer one cannot be used.
    """
    damaged: dict[Path, str] = {}
    for file in _newest_first(folder):
        if file.stat().st_mtime < since:
            continue
        fault = checkpoint_fault(file)
        if fault is None:
            return file, damaged
        damaged[file] = fault
    return None, damaged


def checkpoint_fault(file: Path) -> str | None:
    """Return what is wrong with a checkpoint, None if it is whole.

    Checkpoints of torch are zip archives with a checksum (CRC-32) for every tensor.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entry = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
        return f"it cannot be read ({error})"
    return None if entry is None else f"its checksum does not fit at {entry}"


def _newest_first(folder: Path) -> Iterator[Path]:
    """Yield the file that the run calls its last one, then the others by age.

    Best models are left out: without the optimiser's state a run would go on otherwise.
    """
    files = [file for file in folder.glob("*.pth") if not file.name.startswith(BEST)]
    files.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    last = checkpoint_of_run(folder)
    yield from sorted(files, key=lambda file: file != last)

"""Whether runs can be written below the current folder, and the configs that it offers."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from geoloc.doctor.finding import Finding
from geoloc.repository import find_repository

RUNS = Path("work_dirs")
LEAST_FREE = 1e9  # bytes: two checkpoints of a ResNet-50 with the moments of Adam, and descriptors


def work_folder() -> Iterator[Finding]:
    """Yield where the configs are, and whether there is room and leave for runs."""
    repository = find_repository()
    if repository is None:
        text = "not here: they come with the repository of geoloc; name your own, or clone it"
        yield Finding("configs", text, "absent")
    else:
        yield Finding("configs", str(repository / "configs"))
    yield writable(RUNS)


def writable(folder: Path) -> Finding:
    """Return whether files can be written into a folder, or where it would be made."""
    name, there = str(folder), folder.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding(
            name,
            f"nothing can be written into {there} ({error.strerror}): chmod u+w {there}, or name "
            "another folder with --work-dir",
            "broken",
        )
    if free < LEAST_FREE:
        return Finding(
            name,
            f"{free / 1e9:.2f} GB free in {there}, a run needs about {LEAST_FREE / 1e9:.0f}: free "
            "some, or name another folder with --work-dir",
            "broken",
        )
    return Finding(name, f"writable, {free / 1e9:.1f} GB free")

"""Which folders that the dataset configs read are there, as seen from the current folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from geoloc.doctor.finding import Finding

# ``data_root`` of the configs in configs/_base_/datasets, and how a missing one comes about.
RENDERED = "rendered at the first use"
DOWNLOADED = "see docs/data.md"
FOLDERS = {
    "data/CampusWorld": RENDERED,
    "data/SmallWorld": RENDERED,
    "data/StreetWorld": RENDERED,
    "data/StreetWorld-vigor": RENDERED,
    "data/GlobeWorld": RENDERED,
    "data/DA_Campus": "see docs/data.md, or geoloc campusworld data/DA_Campus --preset dacampus",
    "data/University-1652": DOWNLOADED,
    "data/SUES-200": DOWNLOADED,
    "data/DenseUAV": DOWNLOADED,
    "data/CVUSA": DOWNLOADED,
    "data/CVACT": DOWNLOADED,
    "data/VIGOR": DOWNLOADED,
    "data/DyML": DOWNLOADED,
    "data/OSV5M": DOWNLOADED,
}
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MANY = 20_000  # images, after which nobody counts on


def dataset_folders() -> Iterator[Finding]:
    """Yield for every folder how many images are in it, or how to get them."""
    for name, source in FOLDERS.items():
        yield _finding(Path(name), source)


def _finding(folder: Path, source: str) -> Finding:
    name = str(folder)
    if folder.is_symlink() and not folder.exists():
        return Finding(
            name, f"is a link to {os.readlink(folder)}, which is not there: mount it", "note"
        )
    if not folder.is_dir():
        return Finding(name, f"missing ({source})", "absent")
    if not os.access(folder, os.R_OK | os.X_OK):
        return Finding(name, f"cannot be read: chmod -R u+rX {folder}", "note")
    images = _count_images(folder)
    if not images:
        return Finding(name, f"holds no image ({source})", "note")
    return Finding(name, f"{images:,} images" if images < MANY else f"{MANY:,} images or more")


def _count_images(folder: Path) -> int:
    count = 0
    for _, _, files in os.walk(folder, followlinks=False):
        count += sum(file.lower().endswith(SUFFIXES) for file in files)
        if count >= MANY:
            return MANY
    return count

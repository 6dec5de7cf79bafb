"""Writing a text file in one step."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a file and its folders; an interrupted call leaves the old file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)

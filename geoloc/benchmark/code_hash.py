"""Which code computed a result."""

import hashlib
from functools import lru_cache
from pathlib import Path

import geoloc

SEPARATE = ("analysis/", "benchmark/")  # what only reads results


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Return 12 hex digits that change with any module of geoloc that takes part in a run.

    A commit would change with every page of documentation, and stays the same while files are
    being edited.
    """
    root = Path(geoloc.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if not name.startswith(SEPARATE):
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]

"""mmengine's access to files, which then writes checkpoints whole or not at all."""

from pathlib import Path

from mmengine.dist import get_rank
from mmengine.fileio import LocalBackend, register_backend

from geoloc.whole_files import write_whole


@register_backend("local", prefixes="", force=True)
class WholeFileBackend(LocalBackend):
    """mmengine's access to local files, without files that are written by half."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes, see ``write_whole``."""
        write_whole(filepath, obj, _writer())

    def put_text(self, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        """Write text, see ``write_whole``."""
        write_whole(filepath, obj.encode(encoding), _writer())


def _writer() -> str:
    """Return the number of this process; mmengine lets all of them write some of its files."""
    rank: int = get_rank()
    return str(rank) if rank else ""

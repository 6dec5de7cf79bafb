"""A file or folder that is broken, hostile or merely odd, and who has to cope with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One entry of the corpus.

    Attributes:
        reader: Name of the entry that reads such files, see ``test_corpus.READERS``.
        write: Writes the file into a folder and returns what the reader is given.
        fine: True if it must be read, False if it must be refused, None if either is right.
        says: Part of the message of a refusal; by default the name of what was written.
    """

    reader: str
    write: Callable[[Path], Path]
    fine: bool | None = False
    says: str = ""


Corpus = dict[str, Case]


def text(name: str, content: str | bytes) -> Callable[[Path], Path]:
    """Return a writer of a file with that content."""

    def write(folder: Path) -> Path:
        file = folder / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write

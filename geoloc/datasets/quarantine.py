"""Images that cannot be read: listed, and left out of a training up to a limit."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from torch import Tensor

from geoloc.errors import ImageError

LIST = "unreadable.txt"


def round_from(item: int, length: int) -> Iterator[int]:
    """Yield an item of a dataset and then the others, round its end.

    Raises:
        IndexError: If there is no such item, which ends an iteration over a dataset.
    """
    first = range(length)[item]
    yield from range(first, length)
    yield from range(first)


def read_list(file: Path) -> list[str]:
    """Return the lines of a list, none if there is no file.

    Processes that meet an image at the same moment both list it; it counts once.
    """
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return list(dict.fromkeys(lines))


class Quarantine:
    """The list of the unreadable images of a training, which all its processes add to.

    Args:
        file: The list: one line per image, with what is wrong. None keeps none: the first
            unreadable image ends the training.
        limit: More images than that end the training.
    """

    def __init__(self, file: str | Path | None = None, limit: int = 0) -> None:
        self.file = None if file is None else Path(file)
        self.limit = limit

    def first_readable(
        self, candidates: Iterable[int], load: Callable[[int], Tensor]
    ) -> tuple[int, Tensor] | None:
        """Load the first of several images that can be read, and list the ones before it.

        Args:
            candidates: Numbers of images, best first.
            load: Loads one of them.

        Returns:
            The number and the image, None if there is none.

        Raises:
            ImageError: If too many cannot be read.
        """
        for candidate in candidates:
            try:
                return candidate, load(candidate)
            except ImageError as error:
                self.add(error)
        return None

    def add(self, error: ImageError) -> None:
        """List an image, once.

        Args:
            error: What was raised for it; its message names the file.

        Raises:
            ImageError: If the list has grown longer than the limit; it says where the list is.
        """
        if self.limit == 0 or self.file is None:
            raise error
        text = " ".join(str(error).splitlines())
        line = text.encode(errors="backslashreplace").decode()  # names of files may be no UTF-8
        known = read_list(self.file)
        if line not in known:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            known.append(line)
            # one write of a short line in append mode is whole, whoever else is writing
            descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.write(descriptor, f"{line}\n".encode())
            os.close(descriptor)
        if len(known) > self.limit:
            raise ImageError(
                f"{len(known)} images cannot be read, more than max_unreadable={self.limit}; they "
                f"are listed in {self.file}. The last one: {line}"
            ) from error

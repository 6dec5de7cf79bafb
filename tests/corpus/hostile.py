"""An object whose pickle runs code when it is read."""

import pathlib
from pathlib import Path


class Payload:
    """Unpickling it writes a file.

    Args:
        mark: The file.
    """

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return pathlib.Path.write_text, (self.mark, "run")

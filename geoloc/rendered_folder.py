"""A folder that a renderer fills, resumed after an interruption and never mixed with another."""

from pathlib import Path
from typing import NamedTuple

from PIL import Image

from geoloc.errors import DatasetError
from geoloc.whole_files import whole_path, write_whole

JPEG_QUALITY = 92


class RenderedFolder(NamedTuple):
    """A folder of rendered files and the description of what is in it.

    Attributes:
        root: The folder.
        world: What it holds, for messages, such as ``StreetWorld``.
        mark: File of the description, present when the folder is complete; meanwhile its name ends
            with ``.unfinished``.
        description: All parameters of the content, as text.
    """

    root: Path
    world: str
    mark: str
    description: str

    def is_finished(self) -> bool:
        """Return whether the content is there.

        Raises:
            DatasetError: If the folder holds anything else.
        """
        for name in (self.mark, self._unfinished):
            if (self.root / name).is_file():
                if (self.root / name).read_text(encoding="utf-8") != self.description:
                    raise DatasetError(
                        f"{self.root} holds a {self.world} with other parameters (see {name}); "
                        "write to another folder or delete this one."
                    )
                return name == self.mark
        if self.root.is_dir() and any(self.root.iterdir()):
            raise DatasetError(
                f"{self.root} is not empty and no {self.world}; write to an empty folder."
            )
        return False

    def begin(self) -> None:
        """Note what is being written."""
        self.root.mkdir(parents=True, exist_ok=True)
        write_whole(self.root / self._unfinished, self.description)

    def finish(self) -> None:
        """Note that everything is written."""
        write_whole(self.root / self.mark, self.description)
        (self.root / self._unfinished).unlink()

    @property
    def _unfinished(self) -> str:
        return f"{self.mark}.unfinished"


def save_image(image: Image.Image, path: Path, quality: int = JPEG_QUALITY) -> None:
    """Write an image in one step, in the format of the file's suffix."""
    kind = Image.registered_extensions()[path.suffix]
    with whole_path(path) as part:
        image.save(part, format=kind, quality=quality)  # png has no quality and ignores it

"""Paths that stand in files, which anybody may have written: they stay below their folder.

An index, a table of positions or a gallery says where its images lie, below a folder that the user
names. A path that is absolute or climbs out by ``..`` could make a picture of any file of the
machine part of a report, so it is refused wherever such paths are read.

Paths are judged by their text alone. A link inside the folder may lead anywhere: whoever can lay
one there is the user, and data folders are often links to a larger disk.
"""

import re

_ABSOLUTE = re.compile(r"[\\/]|[A-Za-z]:")
_PARTS = re.compile(r"[\\/]")
_NO_LINE = re.compile(r"[\0\n\r]")


def path_fault(path: str, root: str = "the data root") -> str | None:
    """Return what is wrong with a path that was read from a file, None if it stays inside.

    Args:
        path: As written, separated by slashes or backslashes.
        root: What it must be relative to, for the message.
    """
    if not path:
        fault = "it is empty"
    elif _NO_LINE.search(path):
        fault = "it has a line break or a null character"
    elif _ABSOLUTE.match(path):
        fault = "it is absolute"
    elif ".." in _PARTS.split(path):
        fault = "it has '..'"
    else:
        return None
    return (
        f"path {path!r} must be relative to {root} and stay inside, but {fault}; move the image "
        "below that folder, or name a folder above both"
    )


def is_file_name(name: str) -> bool:
    """Return whether a name that was read from a file is one of a file in the same folder."""
    return path_fault(name) is None and len(_PARTS.split(name)) == 1 and name != "."

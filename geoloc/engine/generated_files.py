"""Files of the repository that a script writes from others, and that a test finds out of date."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path


def add_check_option(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--check``."""
    parser.add_argument("--check", action="store_true", help="only fail if a file is out of date")


def write_or_check(files: Iterable[tuple[Path, str]], root: Path, check: bool) -> None:
    """Write the files whose text has changed, or end the program if there are any.

    Args:
        files: Every file, below ``root``, and its text.
        root: The repository.
        check: Write nothing.

    Raises:
        SystemExit: If a file is out of date and ``check`` is set.
    """
    stale = {path: text for path, text in files if not path.is_file() or path.read_text() != text}
    if check and stale:
        names = ", ".join(str(path.relative_to(root)) for path in stale)
        sys.exit(f"out of date: {names}; run python tools/{Path(sys.argv[0]).name}")
    for path, text in stale.items():
        path.write_text(text)

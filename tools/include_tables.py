"""Put generated files into the pages that include them.

What stands between ``<!-- include FILE -->`` and ``<!-- end of include -->`` in README.md and in
docs is replaced by the content of the file, whose path counts from the page. ``--check`` writes
nothing and fails if a page is out of date.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from geoloc.engine.command_line import run_command
from geoloc.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(<!-- include (?P<file>\S+) -->\n)(.*?)(?=<!-- end of include -->)", re.DOTALL)


def main() -> None:
    """Parse the command line and write or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only fail if a page is out of date")
    args = parser.parse_args()
    stale = {page: text for page, text in pages(ROOT) if page.read_text() != text}
    if args.check and stale:
        names = ", ".join(str(page.relative_to(ROOT)) for page in stale)
        sys.exit(f"out of date: {names}; run python tools/include_tables.py")
    for page, text in stale.items():
        page.write_text(text)


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every page of a repository, and its text with what it includes."""
    for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        yield page, BLOCK.sub(lambda block, page=page: _included(page, block), page.read_text())


def _included(page: Path, block: re.Match[str]) -> str:
    file = page.parent / block["file"]
    if not file.is_file():
        raise ConfigError(f"{page}: <!-- include {block['file']} -->: there is no such file")
    return block[1] + file.read_text().rstrip("\n") + "\n"


if __name__ == "__main__":
    run_command(main)

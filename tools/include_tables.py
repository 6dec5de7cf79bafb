"""Put generated files into the pages that include them.

What stands between ``<!-- include FILE -->`` and ``<!-- end of include -->`` in README.md and in
docs is replaced by the content of the file, whose path counts from the page. ``--check`` writes
nothing and fails if a page is out of date.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from geoloc.command_line import run_command
from geoloc.engine.generated_files import add_check_option, write_or_check
from geoloc.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(<!-- include (?P<file>\S+) -->\n)(.*?)(?=<!-- end of include -->)", re.DOTALL)


def main() -> None:
    """Parse the command line and write or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_check_option(parser)
    args = parser.parse_args()
    write_or_check(pages(ROOT), ROOT, args.check)


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

"""Write docs/dependencies.md: the packages that setup.cfg asks for, and their licences.

Licences are what the installed packages say of themselves; the row of a package that is not
installed stays as it is. ``--check`` writes nothing and fails if a package is missing in the page.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from geoloc.command_line import run_command
from geoloc.errors import ConfigError
from geoloc.whole_files import write_whole

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/dependencies.md"
HEADING = """# Dependencies and their licences

<!-- Written by tools/dependencies.py from setup.cfg and what the packages say of themselves. -->

geoloc is Apache-2.0. Its installation brings along what is needed *always*; the other groups are
extras, such as `pip install -e ".[onnx]"`. Of the packages that these bring along in turn nothing
is said here: `pip-licenses` lists all that is installed, and `pip-audit` compares it with known
vulnerabilities.

| package | licence | needed |
|---|---|---|
"""
ROW = re.compile(r"^\| \[([^\]]+)\]\([^)]*\) \| ([^|]*) \|", re.MULTILINE)
CLASSIFIER = "License :: OSI Approved :: "


class Dependency(NamedTuple):
    """A package of ``setup.cfg``.

    Attributes:
        name: On PyPI.
        groups: ``always``, or the extras that need it.
    """

    name: str
    groups: tuple[str, ...]


def main() -> None:
    """Parse the command line and write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="only fail if the page lacks a package"
    )
    check = parser.parse_args().check
    known = dict(ROW.findall(PAGE.read_text(encoding="utf-8"))) if PAGE.is_file() else {}
    needed = [*dependencies()]
    if check:
        if missing := [each.name for each in needed if each.name not in known]:
            sys.exit(f"{PAGE.name} lacks {', '.join(missing)}; run python tools/dependencies.py")
        return
    write_whole(PAGE, HEADING + "".join(row(each, known) for each in needed))


def dependencies() -> Iterator[Dependency]:
    """Yield the packages of ``setup.cfg``, those that are always needed first, then by name."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    groups: dict[str, list[str]] = {}
    extras = config["options.extras_require"].items()
    for group, text in (("always", config["options"]["install_requires"]), *extras):
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                groups.setdefault(Requirement(line).name, []).append(group)
    for name in sorted(groups, key=lambda name: ("always" not in groups[name], name.lower())):
        yield Dependency(name, tuple(groups[name]))


def row(dependency: Dependency, known: dict[str, str]) -> str:
    """Return a line of the table.

    Raises:
        ConfigError: If nothing says the licence.
    """
    name, groups = dependency
    licence = licence_of(name) or known.get(name)
    if licence is None:
        raise ConfigError(f"{name} is not installed, so its licence is unknown; pip install it")
    return f"| [{name}](https://pypi.org/project/{name}/) | {licence} | {', '.join(groups)} |\n"


def licence_of(name: str) -> str | None:
    """Return what an installed package says its licence is; None if it says nothing."""
    try:
        facts = metadata(name)
    except PackageNotFoundError:
        return None
    if expression := facts.get("License-Expression"):
        return str(expression)
    named = [each for each in facts.get_all("Classifier") or () if each.startswith(CLASSIFIER)]
    if named:
        return ", ".join(each.removeprefix(CLASSIFIER) for each in named)
    first = str(facts.get("License") or "").strip().partition("\n")[0]
    return first if first and first != "UNKNOWN" else None


if __name__ == "__main__":
    run_command(main)

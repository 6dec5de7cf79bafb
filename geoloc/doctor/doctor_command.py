"""The command that tells whether this installation is fit to run geoloc."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator

from geoloc.doctor.conflicts import known_conflicts
from geoloc.doctor.dataset_folders import dataset_folders
from geoloc.doctor.devices import imports_and_accelerators, processor_and_memory
from geoloc.doctor.finding import Finding
from geoloc.doctor.packages import (
    dependencies,
    extras,
    installed_versions,
    python_and_geoloc,
    requirements_of,
)
from geoloc.doctor.work_folder import work_folder

MARKS = {"ok": "ok", "absent": "-", "note": "note", "broken": "BROKEN"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON, for a bug report")


def run(args: argparse.Namespace) -> None:
    """Print what every check finds, and exit with status 1 if something is broken."""
    sections: dict[str, list[Finding]] = {}
    for name, check in _checks().items():
        sections[name] = []
        if not args.json:
            print(f"{name}:", flush=True)
        for finding in check():
            sections[name].append(finding)
            if not args.json:
                print(_line(finding), flush=True)
    broken = [each for found in sections.values() for each in found if each.status == "broken"]
    if args.json:
        content = {name: [each._asdict() for each in found] for name, found in sections.items()}
        print(json.dumps({"broken": len(broken), **content}, indent=2))
    elif broken:
        print(f"{len(broken)} broken: {', '.join(dict.fromkeys(each.name for each in broken))}")
    else:
        print("nothing is broken")
    if broken:
        sys.exit(1)


def _checks() -> dict[str, Callable[[], Iterator[Finding]]]:
    """Return the checks by section; the slow one, which imports torch, is the last."""
    versions = installed_versions()
    return {
        "python": python_and_geoloc,
        "packages": lambda: dependencies(requirements_of("geoloc"), versions),
        "known conflicts": lambda: known_conflicts(versions),
        "optional": lambda: extras(versions),
        "datasets": dataset_folders,
        "this folder": work_folder,
        "machine": processor_and_memory,
        "imports and devices": imports_and_accelerators,
    }


def _line(finding: Finding) -> str:
    return f"  {MARKS[finding.status]:6}  {finding.name}: {finding.text}"

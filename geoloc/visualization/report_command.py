"""The command that writes the report of a run."""

import argparse
from pathlib import Path

from geoloc.visualization.report import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("work_dir", type=Path, help="run folder")
    parser.add_argument("--out", type=Path, help="the page (default: WORK_DIR/report.html)")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="folder of the images (default: the config's)"
    )


def run(args: argparse.Namespace) -> None:
    """Write the page, and say where it is."""
    print(f"Written: {write_report(args.work_dir, args.out, args.root)}")

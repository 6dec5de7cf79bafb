"""Write the report of a run: one HTML page with its metrics, curves, errors and pictures."""

import argparse
from pathlib import Path

from geoloc.engine.command_line import run_command
from geoloc.visualization.report import write_report


def main() -> None:
    """Parse the command line and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work_dir", type=Path, help="run folder")
    parser.add_argument("--out", type=Path, help="the page (default: WORK_DIR/report.html)")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="folder of the images (default: the config's)"
    )
    args = parser.parse_args()
    print(f"Written: {write_report(args.work_dir, args.out, args.root)}")


if __name__ == "__main__":
    run_command(main)

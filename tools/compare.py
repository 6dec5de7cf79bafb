"""Print the results of runs beside each other: python tools/compare.py work_dirs/*."""

import argparse

from geoloc.command_line import run_command
from geoloc.evaluation.comparison import compare_runs, markdown, terminal


def main() -> None:
    """Parse the command line and print one table per task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder, e.g. work_dirs/NAME")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    args = parser.parse_args()
    for task, cells in compare_runs(args.runs).items():
        if args.markdown:
            print(f"**{task}**, percent\n\n{markdown(cells)}\n")
        else:
            print(terminal(f"{task}, percent", cells))


if __name__ == "__main__":
    run_command(main)

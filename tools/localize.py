"""Localize photos in a gallery. See docs/localize.md."""

import argparse

from geoloc.engine.command_line import run_command
from geoloc.localization.localize_command import add_arguments, run


def main() -> None:
    """Parse the command line and localize."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    run(parser.parse_args())


if __name__ == "__main__":
    run_command(main)

"""Export a trained model as a bundle or as ONNX graphs. See docs/export.md."""

import argparse

from geoloc.engine.command_line import run_command
from geoloc.export.export_command import add_arguments, run


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    run(parser.parse_args())


if __name__ == "__main__":
    run_command(main)

"""Train and evaluate a config: python tools/train.py configs/dycl/dycl_r50_dacampus.py."""

import argparse

from geoloc.engine.command_line import add_run_arguments, config_of, run_command
from geoloc.engine.run import train


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="go on from a checkpoint; without a file, from the last one in the work folder",
    )
    args = parser.parse_args()
    train(config_of(args), args.resume)


if __name__ == "__main__":
    run_command(main)

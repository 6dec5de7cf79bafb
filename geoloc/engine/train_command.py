"""The command that trains."""

import argparse
import sys

from geoloc.engine.command_line import add_run_arguments, config_of
from geoloc.engine.launch import end_together
from geoloc.engine.run import train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_run_arguments(parser)
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="go on from a checkpoint; without a file, from the last one in the work folder",
    )


def run(args: argparse.Namespace) -> None:
    """Train and evaluate, and print what came out."""
    try:
        train(config_of(args), args.resume)
        end_together()
    except KeyboardInterrupt:
        sys.exit("\nstopped; repeat the command with --resume to go on from the last checkpoint")

"""Print what the network of a config costs: the columns of the cost tables of the DOCB paper.

Parameters of all streams, multiply-accumulates for one image of every view, time per batch, and the
length of a descriptor. Neither data nor weights are needed.
"""

import argparse

import torch

from geoloc.benchmark.train_job import hardware
from geoloc.command_line import run_command
from geoloc.engine.complexity import complexity, image_sizes
from geoloc.engine.config import load_config
from geoloc.evaluation.comparison import markdown


def main() -> None:
    """Parse the command line, measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="run config, e.g. configs/msfa/msfa_vgg16_cvusa.py")
    parser.add_argument("--batch", type=int, default=32, help="images per view (default: 32)")
    args = parser.parse_args()
    if args.batch < 1:
        parser.error(f"argument --batch: {args.batch} is no number from 1 up")
    cfg = load_config(args.config)
    cost = complexity(cfg, args.batch)
    sizes = ", ".join(f"{view} {h} x {w}" for view, (h, w) in image_sizes(cfg).items())
    rows = [
        ["images", sizes],
        ["parameters", f"{cost.parameters:,} ({cost.parameters / 1e6:.2f} M)"],
        ["multiply-accumulates", f"{cost.macs:,} ({cost.macs / 1e9:.2f} G)"],
        [f"time per batch of {args.batch}", f"{cost.batch_ms:.1f} ms on {hardware()}"],
        ["descriptor length", f"{cost.descriptor_length}"],
    ]
    print(markdown([[args.config, torch.__version__], *rows], "left"))


if __name__ == "__main__":
    run_command(main)

"""Print how many images per second a training makes, of its parts too, and what holds it up.

Weights are random and need no download; the images are those of the config's dataset.
"""

import argparse
import tempfile

import torch

from geoloc.benchmark.train_job import hardware
from geoloc.command_line import run_command
from geoloc.engine.command_line import add_run_arguments, config_of
from geoloc.engine.throughput import measure
from geoloc.evaluation.comparison import markdown


def main() -> None:
    """Parse the command line, measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument("--steps", type=int, default=20, help="timed steps of every part")
    parser.add_argument("--warmup", type=int, default=3, help="steps before them")
    args = parser.parse_args()
    if min(args.steps, args.warmup) < 1:
        parser.error("arguments --steps and --warmup: give numbers from 1 up")
    with tempfile.TemporaryDirectory() as folder:
        args.work_dir = folder
        cfg = config_of(args)
        if threads := cfg.get("num_threads"):
            torch.set_num_threads(threads)
        found = measure(cfg, args.steps, args.warmup)
    tera = found.gemm_flops / 1e12
    to_bare, to_limit = found.whole / found.bare, found.model / found.limit
    product = f"{found.flops / 1e9:.1f} G operations per step, {tera:.2f} T/s in {found.dtype}"
    rows = [
        ("loader alone", found.loader, ""),
        ("model alone", found.model, f"{to_limit:.2f} of the limit by matrix products"),
        ("whole loop", found.whole, f"waits {found.waiting:.0%} of its time for images"),
        ("bare loop", found.bare, f"whole loop / bare loop: {to_bare:.3f}"),
        ("limit by matrix products", found.limit, product),
    ]
    table = [[name, f"{rate:.1f}", remark] for name, rate, remark in rows]
    print(markdown([[args.config, "images/s", hardware()], *table], "left"))


if __name__ == "__main__":
    run_command(main)

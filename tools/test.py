"""Evaluate a checkpoint, or the saved descriptors of a run (then no model is needed)."""

import argparse

import torch

from geoloc.engine.command_line import add_run_arguments, config_of, run_command
from geoloc.engine.run import test
from geoloc.errors import ConfigError
from geoloc.evaluation.results import format_evaluation, load_run
from geoloc.registry import METRICS


def main() -> None:
    """Parse the command line and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument("checkpoint", nargs="?", help="checkpoint file")
    parser.add_argument(
        "--descriptors", metavar="RUN", help="run folder whose descriptors are evaluated again"
    )
    args = parser.parse_args()
    if (args.checkpoint is None) == (args.descriptors is None):
        raise ConfigError("give either a CHECKPOINT or --descriptors RUN")
    cfg = config_of(args)
    if args.checkpoint is not None:
        test(cfg, args.checkpoint)
        return
    descriptors, index, content = load_run(args.descriptors)
    thresholds_m = content["protocol"]["thresholds_m"]
    evaluator = dict(cfg.test_evaluator)
    # Those of the run, unless the config says otherwise.
    tasks = dict.fromkeys(key.partition(" [")[0] for key in content if "->" in key)
    if tasks:
        evaluator.setdefault("tasks", list(tasks))
    metric = METRICS.build(evaluator)
    print(format_evaluation(metric.measure(torch.from_numpy(descriptors), index, thresholds_m)))


if __name__ == "__main__":
    run_command(main)

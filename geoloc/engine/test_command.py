"""The command that evaluates what a training left."""

import argparse

import torch
from mmengine.config import Config

from geoloc.engine.command_line import add_run_arguments, config_of
from geoloc.engine.launch import end_together
from geoloc.engine.run import test
from geoloc.errors import ConfigError
from geoloc.evaluation.results import format_evaluation, load_run
from geoloc.registry import METRICS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_run_arguments(parser)
    parser.add_argument("checkpoint", nargs="?", help="checkpoint file")
    parser.add_argument(
        "--descriptors", metavar="RUN", help="run folder whose descriptors are evaluated again"
    )


def run(args: argparse.Namespace) -> None:
    """Evaluate, and print what came out."""
    if (args.checkpoint is None) == (args.descriptors is None):
        raise ConfigError("give either a CHECKPOINT or --descriptors RUN")
    cfg = config_of(args)
    if args.checkpoint is not None:
        test(cfg, args.checkpoint)
        end_together()
    else:
        _evaluate_saved(cfg, args.descriptors)


def _evaluate_saved(cfg: Config, run_folder: str) -> None:
    descriptors, index, content = load_run(run_folder)
    thresholds_m = content["protocol"]["thresholds_m"]
    evaluator = dict(cfg.test_evaluator)
    # Those of the run, unless the config says otherwise.
    tasks = dict.fromkeys(key.partition(" [")[0] for key in content if "->" in key)
    if tasks:
        evaluator.setdefault("tasks", list(tasks))
    metric = METRICS.build(evaluator)
    print(format_evaluation(metric.measure(torch.from_numpy(descriptors), index, thresholds_m)))

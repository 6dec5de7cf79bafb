"""The model of a command: a run folder, an exported model, or a config and its weights."""

import argparse
from pathlib import Path

from geoloc.engine.run_files import model_of_run, newest_run
from geoloc.errors import ConfigError
from geoloc.localization.describer import Describer
from geoloc.localization.model_bundle import FILE as BUNDLE
from geoloc.repository import check_config_path

RUNS = Path("work_dirs")


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that ``describer_of`` reads."""
    group = parser.add_argument_group(
        "model", f"a folder, or a config and its weights (default: the newest run in {RUNS})"
    )
    group.add_argument(
        "--model",
        type=Path,
        metavar="FOLDER",
        help="of a run, for its config and last checkpoint; or of an exported model",
    )
    group.add_argument("--config", metavar="CONFIG", help="run config of the model")
    group.add_argument("--checkpoint", metavar="FILE", help="its weights")
    group.add_argument("--device", help="cuda or cpu (default: cuda if there is one)")


def describer_of(args: argparse.Namespace) -> Describer:
    """Return the model that parsed arguments name, and print which run it is if they name none.

    Raises:
        ConfigError: If they name no model, or two.
        CheckpointError: If its weights cannot be used.
    """
    given = (args.config, args.checkpoint)
    if args.model is not None and given == (None, None) and (args.model / BUNDLE).is_file():
        return Describer.from_bundle(args.model, device=args.device)
    config, checkpoint = _files(args.model, *given)
    check_config_path(config)
    return Describer.from_config(config, checkpoint, device=args.device)


def _files(
    run: Path | None, config: str | None, checkpoint: str | None
) -> tuple[str | Path, str | Path]:
    if run is None and config is not None and checkpoint is not None:
        return config, checkpoint
    if config is not None or checkpoint is not None:
        raise ConfigError("give --model FOLDER, or --config CONFIG with --checkpoint FILE")
    if run is not None:
        return model_of_run(run)
    newest = newest_run(RUNS)
    if newest is None:
        raise ConfigError(
            f"which model? There is no run in {RUNS}: give --model FOLDER, that of a training, "
            "or --config CONFIG with --checkpoint FILE"
        )
    print(f"model: {newest}, the newest run in {RUNS}")
    return model_of_run(newest)

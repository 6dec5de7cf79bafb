"""The command that exports a trained model."""

import argparse
from pathlib import Path
from typing import NamedTuple

from geoloc.engine.config import load_config
from geoloc.engine.run_files import model_of_run
from geoloc.errors import ConfigError
from geoloc.export.bundle_export import export_bundle, export_onnx
from geoloc.export.model_facts import model_facts
from geoloc.localization.trained_model import load_trained_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("source", type=Path, metavar="RUN", help="run folder, or a run config")
    parser.add_argument("--checkpoint", type=Path, help="weights (default: the run's last)")
    parser.add_argument("--out", type=Path, required=True, help="new folder")
    parser.add_argument(
        "--format",
        choices=["bundle", "onnx"],
        default="bundle",
        help="safetensors and config, or a graph per view (default: %(default)s)",
    )
    parser.add_argument("--view", nargs="+", help="with onnx: views to export (default: all)")
    parser.add_argument(
        "--float-input",
        action="store_true",
        help="with onnx: graphs take normalised float32 images, not uint8",
    )
    parser.add_argument("--licence", metavar="SPDX", help="of the weights, e.g. CC-BY-4.0")


def run(args: argparse.Namespace) -> None:
    """Export, and say how the result compares with the model."""
    found = find_run(args.source, args.checkpoint)
    if args.format == "bundle" and (args.view is not None or args.float_input):
        raise ConfigError("--view and --float-input are for --format onnx; a bundle has all views")
    cfg = load_config(found.config)
    trained = load_trained_model(cfg, found.checkpoint)
    about = model_facts(cfg, found.name, found.folder, args.licence)
    if args.format == "bundle":
        exported = export_bundle(args.out, trained, about)
    else:
        exported = export_onnx(args.out, trained, args.view, not args.float_input, about)
    for view, (size, width, difference) in exported.comparisons.items():
        print(
            f"{view}: images of {size[0]} x {size[1]}, descriptors of {width}, entries differ by "
            f"at most {difference:.1g} from the model's"
        )
    print(f"{args.format} of {found.checkpoint} in {args.out}")


class FoundRun(NamedTuple):
    """Where the parts of a trained model are.

    Attributes:
        name: What the run config was called.
        config: Run config.
        checkpoint: Weights.
        folder: Run folder, if there is one.
    """

    name: str
    config: Path
    checkpoint: Path
    folder: Path | None


def find_run(source: Path, checkpoint: Path | None = None) -> FoundRun:
    """Return config and weights of a run folder, or of a config.

    Args:
        source: Run folder or run config.
        checkpoint: Weights; of a run folder by default the last.

    Raises:
        ConfigError: If the folder has no config, or a config comes without weights.
        CheckpointError: If the folder has no checkpoint.
    """
    if not source.is_dir():
        if checkpoint is None:
            raise ConfigError(f"{source} is no run folder: give the weights with --checkpoint")
        return FoundRun(source.stem, source, checkpoint, None)
    config, checkpoint = model_of_run(source, checkpoint)
    named = next(source.glob("*.py"), config)  # the log has a copy that is called config.py
    return FoundRun(named.stem, config, checkpoint, source)

"""The arguments by which commands name a model."""

import argparse
from typing import Any

from geoloc.errors import ConfigError
from geoloc.localization.describer import Describer


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--bundle``, ``--config`` and ``--checkpoint``; see ``describer_of``."""
    parser.add_argument("--bundle", help="folder of the model, as tools/export.py writes it")
    parser.add_argument("--config", help="run config of the model, instead of a bundle")
    parser.add_argument("--checkpoint", help="its weights, with --config")


def describer_of(args: argparse.Namespace, **options: Any) -> Describer:
    """Return the model that the parsed arguments name.

    Args:
        args: Parsed.
        **options: Of the ``Describer``.

    Raises:
        ConfigError: If they name none, or two.
    """
    if args.bundle is not None and args.config is None and args.checkpoint is None:
        return Describer.from_bundle(args.bundle, **options)
    if args.bundle is not None or args.config is None or args.checkpoint is None:
        raise ConfigError("give the model: --bundle, or --config with --checkpoint")
    return Describer.from_config(args.config, args.checkpoint, **options)

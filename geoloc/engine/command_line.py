"""Arguments that several commands have in common, and what they mean."""

import argparse
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config, DictAction

from geoloc.engine.config import load_config
from geoloc.engine.run import prepare
from geoloc.errors import ConfigError
from geoloc.repository import check_config_path


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that ``train`` and ``test`` have in common; see ``config_of``."""
    parser.add_argument("config", help="run config, e.g. configs/dycl/dycl_r50_dacampus.py")
    parser.add_argument("--work-dir", help="output folder (default: work_dirs/<config name>)")
    parser.add_argument("--data-root", help="folder of the dataset (default: the config's)")
    precision = parser.add_mutually_exclusive_group()
    for flag, amp, meaning in (
        ("--amp", True, "reduced precision: float16 on a GPU, bfloat16 on a CPU"),
        ("--bfloat16", "bfloat16", "reduced precision: bfloat16 on both"),
        ("--no-amp", False, "full precision"),
    ):
        precision.add_argument(flag, dest="amp", action="store_const", const=amp, help=meaning)
    parser.add_argument("--seed", type=int, help="random seed (default: the config's)")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help="override config values, e.g. train_cfg.max_epochs=5",
    )
    parser.add_argument("--launcher", choices=["none", "pytorch"], default="none")
    parser.add_argument("--local-rank", type=int, default=0, help=argparse.SUPPRESS)


def config_of(args: argparse.Namespace) -> Config:
    """Return the completed config of a run from its parsed arguments.

    Raises:
        ConfigError: If the config or an argument cannot be used.
    """
    check_config_path(args.config)
    cfg = load_config(args.config, args.cfg_options)
    return prepare(cfg, args.work_dir, args.data_root, args.amp, args.seed, args.launcher)


def rerank_config(words: Sequence[str] | None) -> dict[str, Any] | None:
    """Return the config of a re-ranking that is written ``NAME KEY=VALUE ...``.

    Raises:
        ConfigError: If it is written otherwise.
    """
    if words is None:
        return None
    name, *options = words
    if "=" in name or not all("=" in option for option in options):
        raise ConfigError(f"--rerank {' '.join(words)}: give a NAME and then KEY=VALUE pairs")
    values = (option.partition("=")[::2] for option in options)
    return {"type": name, **{key: DictAction._parse_iterable(text) for key, text in values}}

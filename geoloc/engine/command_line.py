"""What every command of ``tools/`` shares: arguments, and errors in one line."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any
from urllib.error import URLError

import torch.distributed as dist
from mmengine.config import Config, DictAction

from geoloc.engine.config import load_config
from geoloc.engine.run import prepare
from geoloc.errors import ConfigError, GeolocError


def run_command(main: Callable[[], None]) -> None:
    """Run ``main`` and exit; a user's mistake ends in one line and status 1.

    With ``GEOLOC_DEBUG=1`` the whole traceback is shown instead.
    """
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nstopped; repeat the command with --resume to go on from the last checkpoint")
    except (GeolocError, TypeError, URLError, FileNotFoundError) as error:
        if os.environ.get("GEOLOC_DEBUG") == "1" or not _is_users_mistake(error):
            raise
        sys.exit(f"error: {_sentence(error)}")
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _is_users_mistake(error: Exception) -> bool:
    # A constructor's refusal of a misspelt option is the one TypeError that a config can cause.
    return not isinstance(error, TypeError) or "unexpected keyword argument" in str(error)


def _sentence(error: Exception) -> str:
    """Return the message in one line, without the traceback that a data-loading worker adds."""
    text = str(error).strip()
    if "Original Traceback" in text:
        text = text.splitlines()[-1].partition(": ")[2]
    return " ".join(text.split())


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that ``train`` and ``test`` have in common; see ``config_of``."""
    parser.add_argument("config", help="run config, e.g. configs/dycl/dycl_r50_dacampus.py")
    parser.add_argument("--work-dir", help="output folder (default: work_dirs/<config name>)")
    parser.add_argument("--data-root", help="folder of the dataset (default: the config's)")
    parser.add_argument("--amp", action=argparse.BooleanOptionalAction, help="reduced precision")
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

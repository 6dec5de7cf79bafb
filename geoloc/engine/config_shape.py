"""What a run config must look like before anything reaches into it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from geoloc.errors import ConfigError


class Rule(NamedTuple):
    """What the value of a dotted key must be.

    Attributes:
        kind: A key of ``KINDS``.
        needed: Whether the key must be there.
        lowest: Smallest allowed number.
    """

    kind: str
    needed: bool = False
    lowest: int | None = None


KINDS: dict[str, type | tuple[type, ...]] = {
    "options": Mapping,
    "a list": (list, tuple),
    "a list or options": (list, tuple, Mapping),
    "a whole number": int,
    "text": str,
    "true, false or 'bfloat16'": (bool, str),
}
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
RULES = {
    "model": Rule("options", needed=True),
    **{name: Rule("options", needed=True) for name in LOADERS},
    **{f"{name}.batch_size": Rule("a whole number", True, 1) for name in LOADERS},
    **{f"{name}.num_workers": Rule("a whole number", True, 0) for name in LOADERS},
    **{f"{name}.dataset": Rule("options", needed=True) for name in LOADERS},
    "train_dataloader.dataset.source": Rule("options"),
    "train_dataloader.sampler": Rule("options", needed=True),
    "val_evaluator": Rule("options", needed=True),
    "test_evaluator": Rule("options", needed=True),
    "optim_wrapper": Rule("options", needed=True),
    "train_cfg": Rule("options"),
    "train_cfg.max_epochs": Rule("a whole number", lowest=1),
    "train_cfg.val_interval": Rule("a whole number", lowest=1),
    "randomness": Rule("options"),
    "randomness.seed": Rule("a whole number", lowest=0),
    "env_cfg": Rule("options"),
    "default_hooks": Rule("options"),
    "custom_hooks": Rule("a list"),
    "param_scheduler": Rule("a list or options"),
    "num_threads": Rule("a whole number", lowest=1),
    "amp": Rule("true, false or 'bfloat16'"),
    "work_dir": Rule("text"),
}
TYPED = (*(f"{name}.dataset" for name in LOADERS), "train_dataloader.sampler")


def check_shape(cfg: Mapping[str, Any]) -> None:
    """Refuse a run config whose parts are missing or of the wrong kind.

    Raises:
        ConfigError: The message names the key, and what must be there.
    """
    for key, rule in RULES.items():
        value: Any = _value(cfg, key)
        if value is None and not rule.needed:
            continue
        if value is None:
            raise ConfigError(
                f"config has no {key}, which must be {rule.kind}; inherit the files of "
                "configs/_base_"
            )
        whole = rule.kind == "a whole number"
        fits = isinstance(value, KINDS[rule.kind]) and not (whole and isinstance(value, bool))
        if not fits:
            raise ConfigError(f"{key}={value!r} must be {rule.kind}")
        if rule.lowest is not None and value < rule.lowest:
            raise ConfigError(f"{key}={value} must be at least {rule.lowest}")
    for key in TYPED:
        if _value(cfg, f"{key}.type") is None:
            raise ConfigError(f"{key} needs a type=; its options are {sorted(_value(cfg, key))}")


def _value(cfg: Mapping[str, Any], key: str) -> Any:
    """Return the value of a dotted key whose parents are options; None if it is not there."""
    node: Any = cfg
    for name in key.split("."):
        if not hasattr(node, "get"):
            return None
        node = node.get(name)
    return node

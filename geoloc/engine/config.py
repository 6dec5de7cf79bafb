"""Read run configs, and find their mistakes before anything is built."""

import hashlib
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from geoloc import registry as registries
from geoloc.engine.declarative_config import is_declarative, read_declarative
from geoloc.errors import ConfigError, UnknownTypeError
from geoloc.registry import PluginRegistry, close_matches

OWN_KEYS = {
    *("amp", "num_threads", "runner_type", "custom_imports"),
    *("compile", "find_unused_parameters", "sync_bn"),
}
# Keys that whoever builds a part takes out of its config before the constructor sees it.
BUILDER_KEYS = {"type", "priority", "weight", "constructor", "paramwise_cfg", "_scope_"}
UNREGISTERED = {"clip_grad"}  # parts whose type, here "norm" or "value", is in no registry
RUN_KEYS = (set(inspect.signature(Runner.__init__).parameters) | OWN_KEYS) - {"self", "cfg"}


def load_config(path: str | Path, options: dict[str, Any] | None = None) -> Config:
    """Read a run config and check it.

    A ``.py`` config is code, which reading it runs: read only those that you trust. A ``.json``,
    ``.yaml`` or ``.yml`` config runs nothing, see ``geoloc.engine.declarative_config``.

    Args:
        path: The config file.
        options: Overrides by dotted key, as from ``--cfg-options``.

    Raises:
        ConfigError: If the file is missing or broken, or a key has a typing mistake.
        UnknownTypeError: If a ``type`` is not registered.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"config file {path} does not exist")
    cfg = _from_file(path)
    # Formatting its text takes minutes where paths are long.
    object.__setattr__(cfg, "_format_python_code", False)
    for key, value in (options or {}).items():
        first = key.partition(".")[0]
        if first not in (known := RUN_KEYS | set(cfg)):
            raise ConfigError(f"--cfg-options {key}: there is {_unknown_key(first, known)}")
        _override(cfg, key, value)
    try:
        check_config(cfg)
    except (ConfigError, UnknownTypeError) as error:
        if options:  # which may be to blame
            raise
        raise type(error)(f"{path}: {error}") from error
    return cfg


def _from_file(path: Path) -> Config:
    try:
        if is_declarative(path):
            cfg = Config(read_declarative(path))
            # mmengine writes the config of a run as Python, under this name
            object.__setattr__(cfg, "_filename", str(path.with_suffix(".py")))
            return cfg
        # Only configs of lazy imports keep the option in mmengine 0.10.
        return Config.fromfile(str(path), format_python_code=False)
    except (ConfigError, UnknownTypeError):
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(f"{path}: {type(error).__name__}: {reason}") from error


def check_config(cfg: Config) -> None:
    """Refuse misspelt top-level keys, unknown types and unknown options of geoloc's own parts.

    Raises:
        ConfigError: Names the dotted key and the close matches.
        UnknownTypeError: Likewise, for a ``type``.
    """
    for key in cfg:
        if key not in RUN_KEYS and (matches := close_matches(key, RUN_KEYS, cutoff=0.8)):
            raise ConfigError(f"config key {key!r} is unknown: did you mean {matches[0]}?")
    if "model" not in cfg:
        raise ConfigError("config has no 'model'; inherit one of configs/_base_/models")
    if not isinstance(cfg.model, dict):
        raise ConfigError(f"model={cfg.model!r} must have options, such as type=")
    for place, part in _typed_parts(cfg, ""):
        kind = part["type"]
        if not isinstance(kind, str):
            continue
        found = _resolve(place, kind)
        if found.__module__.startswith("geoloc."):
            _check_options(place, found, part)


def _resolve(place: str, kind: str) -> Any:
    known: list[str] = []
    for registry in _all_registries():
        if kind in registry:
            return registry.get(kind)
        known.extend(registry.known_names())
    matches = close_matches(kind, known)
    hint = f"did you mean {' or '.join(matches)}?" if matches else "is its module imported?"
    raise UnknownTypeError(f"{place}.type={kind!r} is not registered: {hint}")


def _check_options(place: str, found: Any, part: dict[str, Any]) -> None:
    parameters = inspect.signature(found).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for key in part:
        if key not in parameters and key not in BUILDER_KEYS:
            name = getattr(found, "__name__", part["type"])
            raise ConfigError(f"{place}.{key}: {name} has {_unknown_key(key, parameters)}")


def _unknown_key(key: str, known: Any) -> str:
    matches = close_matches(key, known)
    hint = f"did you mean {' or '.join(matches)}?" if matches else f"it knows {sorted(known)}"
    return f"no option {key!r}: {hint}"


def _override(cfg: Config, key: str, value: Any) -> None:
    """Set one dotted key; ``None`` and lists replace, as a reader expects."""
    *parents, last = key.split(".")
    node: Any = cfg
    for depth, name in enumerate(parents):
        if isinstance(node, list):
            node = node[_position(key, name, node)]
        else:
            if name not in node:
                node[name] = {}
            node = node[name]
        if not isinstance(node, (dict, list)):
            where = ".".join(parents[: depth + 1])
            raise ConfigError(f"--cfg-options {key}: {where} is {node!r}, not a part with options")
    node[_position(key, last, node) if isinstance(node, list) else last] = value


def _position(key: str, name: str, node: list[Any]) -> int:
    if name.isdigit() and int(name) < len(node):
        return int(name)
    raise ConfigError(f"--cfg-options {key}: {name!r} is no position in a list of {len(node)}")


def _typed_parts(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, (dict, Config)):
        if "type" in node:
            yield place, dict(node.items())
        items = node.items()
    elif isinstance(node, (list, tuple)):
        items = ((str(position), item) for position, item in enumerate(node))
    else:
        return
    for key, item in items:
        if key not in UNREGISTERED:
            yield from _typed_parts(item, f"{place}.{key}" if place else str(key))


def _all_registries() -> Iterator[PluginRegistry]:
    for value in vars(registries).values():
        if isinstance(value, PluginRegistry):
            yield value
    yield from registries.INHERITED.values()


def config_hash(cfg: Config) -> str:
    """Return 12 hex digits that change with anything that can change a result.

    Where files lie, how the run logs and how many processes share it do not count; what the data
    are is told by the protocol's fingerprint.
    """
    content = json.dumps(_plain(dict(cfg.items())), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


UNHASHED = {
    *("work_dir", "output_dir", "data_root", "config_hash", "resume", "load_from"),
    *(
        "unreadable_list",
        "launcher",
        "log_level",
        "model_wrapper_cfg",
        "num_workers",
        "persistent_workers",
    ),
}


def _plain(value: Any) -> Any:
    if isinstance(value, (dict, ConfigDict)):
        return {str(key): _plain(item) for key, item in value.items() if key not in UNHASHED}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)

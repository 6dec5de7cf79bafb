"""Run configs as JSON or YAML: values, and nothing that reading or building them executes.

A config in Python is a program. One in JSON or YAML can come from anybody: types are looked up by
their registered names, no module is imported because the config names it, and its size is bounded.
Tuples are written ``{"__tuple__": [...]}``, see ``geoloc.config_json``.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config

from geoloc.config_json import decode, encode
from geoloc.errors import ConfigError, UnknownTypeError
from geoloc.registry import NAME_KEYS, is_registered_part
from geoloc.whole_files import write_json

SUFFIXES = (".json", ".yaml", ".yml")
BASE, DELETE = "_base_", "_delete_"
MOST_BYTES, MOST_LEVELS = 2**18, 40  # the configs of this repository: 20 kB, 9 levels
TYPE_KEYS = ("type", "constructor", "runner_type")
SCOPE_KEYS, SCOPES = ("default_scope", "_scope_"), ("geoloc", "mmpretrain", "mmengine")
CODE_KEYS = {
    "custom_imports": "imports modules, which are code; install them as a plugin package, or use "
    "a config in Python that you trust",
    "trust_remote_code": "lets a download run code; use a config in Python that you trust",
}
OF_ONE_RUN = ("work_dir", "resume", "load_from", "launcher")
OF_ONE_EVALUATION = ("output_dir", "config_hash")


def is_declarative(path: Path) -> bool:
    """Return whether a config file is JSON or YAML by its name."""
    return path.suffix.lower() in SUFFIXES


def read_declarative(path: Path) -> dict[str, Any]:
    """Read a config and those it inherits from by ``_base_``.

    Args:
        path: ``.json``, ``.yaml`` or ``.yml`` file in UTF-8.

    Raises:
        ConfigError: If a file is missing, broken or too large, or holds anything but plain values
            under text keys; the message names the file, and the line or the key.
        UnknownTypeError: If a type is not registered.
    """
    content = _read(path, (), set())
    _check(content, str(path))
    return content


def write_declarative(cfg: Config, file: Path) -> None:
    """Write a config without what belongs to one run, such as the folder of its results.

    Raises:
        ConfigError: If it holds code or imports modules; the message names the key.
    """
    content = {key: value for key, value in cfg.to_dict().items() if key not in OF_ONE_RUN}
    for evaluator in ("val_evaluator", "test_evaluator"):
        if isinstance(content.get(evaluator), dict):
            own = content[evaluator].items()
            content[evaluator] = {k: v for k, v in own if k not in OF_ONE_EVALUATION}
    _check(content, str(file))
    write_json(file, {key: encode(value, key) for key, value in content.items()})


def _read(path: Path, children: tuple[Path, ...], known: set[Path]) -> dict[str, Any]:
    """Read a file and its bases; ``known`` are those of the whole config, each read once."""
    if path.resolve() in children:
        circle = " -> ".join(file.name for file in (*children, path))
        raise ConfigError(f"{path}: {BASE} goes round in a circle ({circle}); take one of them out")
    content = _parsed(path)
    bases = content.pop(BASE, [])
    bases = [bases] if isinstance(bases, str) else bases
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise ConfigError(f"{path}: {BASE}={bases!r} must be the path of a config, or a list")
    inherited: dict[str, Any] = {}
    for base in bases:
        file = path.parent / base
        if not is_declarative(file):
            raise ConfigError(
                f"{path}: {BASE} names {base}, which is not JSON or YAML and could run code; "
                f"write that one as JSON first, or inherit it from a config in Python"
            )
        if not file.is_file():
            raise ConfigError(f"{path}: {BASE} names {base}, but there is no file {file}")
        if file.resolve() in known - {*children, path.resolve()}:  # few files stand for millions
            raise ConfigError(f"{path}: {BASE} names {base}, which is inherited already")
        known.add(file.resolve())
        other = _read(file, (*children, path.resolve()), known)
        if twice := sorted(inherited.keys() & other.keys()):
            raise ConfigError(f"{path}: {BASE} names several files with the key {twice[0]!r}")
        inherited |= other
    return _merged(content, inherited, f"{path}: ")


def _parsed(path: Path) -> dict[str, Any]:
    """Return what a file holds, as plain values that JSON can say, with tuples."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ConfigError(
                f"{path} has {size} bytes, more than the {MOST_BYTES} of any run config; is it one?"
            )
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"config file {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no text file in UTF-8: {error}") from error
    parse = _from_json if path.suffix.lower() == ".json" else _from_yaml
    try:
        content = parse(text, str(path))
        _check_depth(content, str(path))
        if not isinstance(content, dict):
            kind = type(content).__name__
            raise ConfigError(f"{path} holds a {kind} where a run config has keys and values")
        encode(content, str(path))
        return {key: decode(value) for key, value in content.items()}
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply for a run config") from None
    except TypeError as error:
        raise ConfigError(f"{path}: __tuple__ must have a list ({error})") from error


def _from_json(text: str, where: str) -> Any:
    def only_finite(name: str) -> Any:
        raise ConfigError(f"{where}: {name} is no number that JSON has; write a finite one")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ConfigError(f"{where}: the key {key!r} appears twice in one object")
            found[key] = value
        return found

    try:
        return json.loads(text, parse_constant=only_finite, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}:{error.lineno}: not JSON: {error.msg}") from error
    except ConfigError:
        raise
    except ValueError as error:  # a whole number of thousands of digits
        raise ConfigError(f"{where}: {error}") from error


def _from_yaml(text: str, where: str) -> Any:
    try:
        loader = _PlainLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        reason = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ConfigError(f"{where}{line}: not plain YAML: {reason}") from error
    except (ValueError, OverflowError) as error:  # a date in month 13
        raise ConfigError(f"{where}: not plain YAML: {error}") from error


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, by which a small file can stand for a huge one, or for itself."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, f"the alias *{event.anchor}; write the value out", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if (name := (key.tag, str(key.value))) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} appears twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def _check_depth(content: Any, where: str) -> None:
    level = [content]
    for _ in range(MOST_LEVELS):
        level = [
            item
            for node in level
            if isinstance(node, (dict, list))
            for item in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise ConfigError(f"{where} is nested more than {MOST_LEVELS} levels deep; is it a run config?")


def _merged(child: dict[str, Any], base: dict[str, Any], place: str) -> dict[str, Any]:
    """Return ``base`` with the values of ``child``; ``_delete_`` takes nothing over."""
    merged = dict(base)
    for key, value in child.items():
        if isinstance(value, dict):
            inherited = {} if value.get(DELETE) else merged.get(key, {})
            value = {name: item for name, item in value.items() if name != DELETE}
            if not isinstance(inherited, dict):
                raise ConfigError(
                    f"{place}{key} has options, but its base has {inherited!r}; add "
                    f"{DELETE}: true to replace it"
                )
            value = _merged(value, inherited, f"{place}{key}.")
        merged[key] = value
    return merged


def _check(content: Mapping[str, Any], where: str) -> None:
    """Refuse whatever would import something when the config is built."""
    for place, key, value in _entries(content, ""):
        if key in CODE_KEYS:
            raise ConfigError(f"{where}: {place} {CODE_KEYS[key]}")
        if key in SCOPE_KEYS and value not in SCOPES:
            raise ConfigError(f"{where}: {place}={value!r} must be one of {', '.join(SCOPES)}")
        names = key in TYPE_KEYS or (key in NAME_KEYS and isinstance(value, str))
        if names and not _is_name(value, is_registered_part):
            raise UnknownTypeError(
                f"{where}: {place}={value!r} is not registered, and a config in JSON or YAML "
                "imports nothing; correct the name, or install the plugin that it belongs to"
            )


def _is_name(value: Any, known: Callable[[str], bool]) -> bool:
    return isinstance(value, str) and known(value)


def _entries(node: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Yield (dotted key, last key, value); not below clip_grad, whose type is a norm."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            name = f"{place}.{key}" if place else str(key)
            yield name, str(key), value
            if key != "clip_grad":
                yield from _entries(value, name)
    elif isinstance(node, (list, tuple)):
        for number, value in enumerate(node):
            yield from _entries(value, f"{place}[{number}]")

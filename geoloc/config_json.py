"""Configs as JSON and back without loss, and without running anything that they name.

JSON has no tuples, on which some transforms insist: they are written ``{"__tuple__": [...]}``.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from geoloc.errors import ConfigError, UnknownTypeError
from geoloc.registry import NAME_KEYS, is_registered

TUPLE = "__tuple__"


def encode(value: Any, place: str) -> Any:
    """Return a config as what JSON has.

    Args:
        value: Dicts, lists, tuples, strings, numbers, booleans, None.
        place: Dotted key of the value, for the message.

    Raises:
        ConfigError: If it holds anything else; the message names where.
    """
    if isinstance(value, Mapping):
        for key in value:
            if type(key) is not str:
                raise ConfigError(f"{place} has the key {key!r}, which must be text in JSON")
        return {key: encode(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [encode(item, f"{place}[{number}]") for number, item in enumerate(value)]
        return {TUPLE: items} if isinstance(value, tuple) else items
    if value is None or type(value) in (str, int, bool):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    raise ConfigError(
        f"{place}={value!r} is code or no plain value, which JSON cannot hold; name types by "
        "their registered names and give finite numbers, strings, lists or dicts"
    )


def decode(value: Any) -> Any:
    """Return the config that ``encode`` was given."""
    if isinstance(value, dict):
        if value.keys() == {TUPLE}:
            return tuple(map(decode, value[TUPLE]))
        return {key: decode(item) for key, item in value.items()}
    return [decode(item) for item in value] if isinstance(value, list) else value


def check_types(config: Any, place: str) -> None:
    """Refuse a config that would import what it names.

    Args:
        config: As ``decode`` returned it.
        place: Its dotted key, for the message.

    Raises:
        UnknownTypeError: If a ``type``, or what else names a part, is not registered; the message
            says which.
    """
    for where, kind in _types(config, place):
        if not isinstance(kind, str) or not is_registered(kind):
            raise UnknownTypeError(
                f"{where}={kind!r} is not registered: update geoloc, or install the package "
                "that it belongs to as a plugin"
            )


def _types(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "type" or (key in NAME_KEYS and isinstance(value, str)):
                yield f"{place}.{key}", value
            yield from _types(value, f"{place}.{key}")
    elif isinstance(node, (list, tuple)):
        for number, value in enumerate(node):
            yield from _types(value, f"{place}[{number}]")

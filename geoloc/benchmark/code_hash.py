"""Which code computed a result: the modules that its config can reach, and no others.

A new method, or an edit of one, then leaves the results of all others as they are.
"""

import ast
import hashlib
import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

import geoloc
from geoloc import registry
from geoloc.registry import load_plugins

PACKAGE = "geoloc"
ENTRY = "geoloc.engine.run"  # what trains and evaluates every config
# Images count by the parameters in the config and by the version of their generator.
RENDERER, GENERATOR = "geoloc.campusworld", "geoloc.campusworld.spec"


def code_hash(cfg: Config) -> str:
    """Return 12 hex digits that change with any module that takes part in a config's run.

    These are ``geoloc.engine.run``, the modules of all parts that the config names, plugins
    included, whatever these import, and the modules of parts that they name in turn. A commit would
    change with every page of documentation, and stays the same while files are being edited.

    Args:
        cfg: A run config.
    """
    digest = hashlib.sha256()
    for name, file in sorted(modules_of(cfg).items()):
        digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def modules_of(cfg: Config) -> dict[str, Path]:
    """Return the files of the modules that take part in a config's run, by their names."""
    parts = registered_parts()
    names = {name.removeprefix(f"{PACKAGE}.") for name in _words(cfg.to_dict())}
    waiting = [ENTRY, *(module for name in names & parts.keys() for module in parts[name])]
    found: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        if module not in found:
            found[module] = file = _file(module)
            imported, strings = _read(file)
            waiting += imported
            waiting += (part for name in strings & parts.keys() for part in parts[name])
    return {
        name: file
        for name, file in found.items()
        if (name == GENERATOR or not name.startswith(RENDERER)) and not _only_imports(file)
    }


def registered_parts() -> Mapping[str, Sequence[str]]:
    """Return the modules that define each registered name, of geoloc and of plugins."""
    parts: dict[str, list[str]] = {}
    load_plugins()
    for each in vars(registry).values():
        if isinstance(each, Registry):
            each.import_from_location()
            for name, part in each.module_dict.items():
                if _is_ours(each, part):
                    parts.setdefault(name, []).append(part.__module__)
    return parts


def _is_ours(each: Registry, part: Any) -> bool:
    return each.scope == PACKAGE and hasattr(part, "__module__")


def _words(node: Any) -> Iterator[str]:
    """Yield every string of a config, among which are the names of all parts, and the classes."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, type):
        yield node.__name__
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _words(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _words(value)


def _file(module: str) -> Path:
    if not _in_package(module):  # a plugin
        return Path(inspect.getsourcefile(importlib.import_module(module)) or "")
    path = Path(geoloc.__file__).parent.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _read(file: Path) -> tuple[list[str], set[str]]:
    """Return the modules of geoloc that a file imports, and the words it names."""
    imported, strings = [], set()
    for node in ast.walk(_parse(file)):
        if isinstance(node, ast.Import):
            imported += [name.name for name in node.names if _in_package(name.name)]
        elif isinstance(node, ast.ImportFrom) and node.module and _in_package(node.module):
            imported += [_origin(node.module, name.name) for name in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.add(node.value)
    return imported, strings


def _parse(file: Path) -> ast.Module:
    return _parse_text(file.read_text(encoding="utf-8"))


@lru_cache(maxsize=1024)
def _parse_text(text: str) -> ast.Module:
    return ast.parse(text)


def _in_package(module: str) -> bool:
    return module.split(".")[0] == PACKAGE


def _origin(module: str, name: str) -> str:
    """Return the module that defines a name, behind packages that only pass it on."""
    file = _file(module)
    if file.name != "__init__.py":
        return module
    if (file.parent / f"{name}.py").is_file() or (file.parent / name).is_dir():
        return f"{module}.{name}"
    for node in _parse(file).body:
        if isinstance(node, ast.ImportFrom) and node.module and _in_package(node.module):
            passed_on = {passed.asname or passed.name for passed in node.names}
            if name in passed_on:
                return _origin(node.module, name)
    return module


def _only_imports(file: Path) -> bool:
    """Return whether a file passes on what other modules define, and has nothing of its own."""
    return file.name == "__init__.py" and all(map(_passes_on, _parse(file).body))


def _passes_on(node: ast.stmt) -> bool:
    names: Iterable[Any] = getattr(node, "targets", ())
    return (
        isinstance(node, (ast.Import, ast.ImportFrom))
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or any(isinstance(name, ast.Name) and name.id == "__all__" for name in names)
    )

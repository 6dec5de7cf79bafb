"""No code of the repository unpickles, evaluates or executes what it reads."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

# call: what to use instead
REFUSED = {
    "eval": "ast.literal_eval or a parser",
    "exec": "a config or a plugin",
    "__import__": "a registry",
    "numpy.load": "geoloc.array_files",
    "torch.load": "geoloc.engine.checkpoint.load_local_checkpoint",
    "torch.serialization.load": "geoloc.engine.checkpoint.load_local_checkpoint",
    "torch.hub.load": "weights without the code of their repository",
    "torch.hub.load_state_dict_from_url": "geoloc.engine.checkpoint.load_remote_checkpoint",
    "yaml.load": "yaml.safe_load",
    "yaml.load_all": "yaml.safe_load_all",
    "yaml.full_load": "yaml.safe_load",
    "yaml.full_load_all": "yaml.safe_load_all",
    "yaml.unsafe_load": "yaml.safe_load",
    "yaml.unsafe_load_all": "yaml.safe_load_all",
    "Config.fromfile": "geoloc.engine.config.load_config",
    "Image.open": "geoloc.image_files.open_image",
    "os.system": "subprocess.run with a list",
    "os.popen": "subprocess.run with a list",
    "runpy.run_path": "an import",
}
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
# place and call: why it is right there
ALLOWED = {
    "geoloc/engine/checkpoint.py torch.load": "weights_only, unless the environment trusts files",
    "geoloc/engine/checkpoint.py pickle": "the type of torch's refusal",
    "geoloc/engine/config.py Config.fromfile": "a config in Python, which its docstring calls code",
    "geoloc/array_files.py numpy.load": "allow_pickle=False after a look at the header",
    "geoloc/image_files.py Image.open": "only formats that are decoded in this process",
    "geoloc/geo/geotiff.py Image.open": "only TIFF",
    "geoloc/localization/raster_tiles.py Image.open": "only TIFF",
    "tools/metafiles.py Config.fromfile": "configs of this repository",
    "tools/method_pages.py Config.fromfile": "configs of this repository",
    "benchmarks/bench_image_loading.py Image.open": "images that it made itself",
}


def names_of_imports(tree: ast.AST) -> dict[str, str]:
    """Return what the names that imports bring stand for: ``np`` for ``numpy``."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.asname: each.name for each in node.names if each.asname}
        elif isinstance(node, ast.ImportFrom):
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return names


def name_of(node: ast.expr, imports: dict[str, str]) -> str:
    """Return the dotted name of what is called, ``model.eval`` apart from ``eval``."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value, imports)}.{node.attr}"
    return imports.get(node.id, node.id) if isinstance(node, ast.Name) else "?"


def refused(name: str) -> Iterator[str]:
    """Yield the call of ``REFUSED`` that a dotted name means, whatever package stands before."""
    name = name.removeprefix("builtins.")
    yield from (
        call for call in REFUSED if name == call or ("." in call and name.endswith(f".{call}"))
    )


def findings(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    imports = names_of_imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = (name.name.partition(".")[0] for name in node.names)
            yield from (module for module in modules if module in MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.partition(".")[0] in MODULES:
                yield module
            for name in node.names:
                yield from refused(f"{module}.{name.name}")
        elif isinstance(node, ast.Call):
            yield from refused(name_of(node.func, imports))
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                risky = {"allow_pickle": True, "shell": True, "trust_remote_code": True}
                if keyword.arg in risky and value is True:
                    yield f"{keyword.arg}=True"
                if keyword.arg == "weights_only" and value is False:
                    yield "weights_only=False"


FOUND = {
    f"{file.relative_to(ROOT).as_posix()} {finding}"
    for folder in ("geoloc", "tools", "benchmarks")
    for file in sorted((ROOT / folder).rglob("*.py"))
    for finding in findings(file.read_text(encoding="utf-8"))
}


def test_no_unsafe_call_is_left() -> None:
    unsafe = {place: REFUSED.get(place.split()[1], "") for place in FOUND - ALLOWED.keys()}
    assert not unsafe, f"use instead: {unsafe}"


def test_what_is_allowed_is_there() -> None:
    assert ALLOWED.keys() <= FOUND


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("import torch\ntorch.load('a')", "torch.load"),
        ("torch.load('a', weights_only=False)", "weights_only=False"),
        ("np.load('a', allow_pickle=True)", "allow_pickle=True"),
        ("from pickle import loads", "pickle"),
        ("import pickle as p", "pickle"),
        ("from torch import load", "torch.load"),
        ("eval('1')", "eval"),
        ("import builtins\nbuiltins.exec('1')", "exec"),
        ("import torch as t\nt.load('a')", "torch.load"),
        ("from torch.serialization import load", "torch.serialization.load"),
        ("from PIL import Image as I\nI.open('a')", "Image.open"),
        ("import numpy as n\nn.load('a')", "numpy.load"),
        ("import yaml\nyaml.load_all('a', yaml.Loader)", "yaml.load_all"),
        ("subprocess.run('ls', shell=True)", "shell=True"),
    ],
)
def test_the_search_finds(source: str, finding: str) -> None:
    assert finding in set(findings(source))


def test_a_model_may_be_set_to_eval() -> None:
    assert not set(findings("model.eval()\nself.net.eval()"))


def test_files_are_read_at_all() -> None:
    assert len(list(Path(ROOT / "geoloc").rglob("*.py"))) > 300

"""Configs in JSON and YAML say what those in Python say, and run nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from geoloc.command_line import main
from geoloc.engine.config import config_hash, load_config
from geoloc.engine.declarative_config import write_declarative
from geoloc.engine.run import keep_config, prepare
from geoloc.engine.run_files import model_of_run
from geoloc.errors import ConfigError, GeolocError, UnknownTypeError
from tests.conftest import ROOT

MODEL: dict[str, Any] = {"type": "CrossViewRetriever", "losses": {}}
CONFIGS = (
    "dycl/dycl_r18_campusworld.py",
    "msfa_docb/msfa_docb_r18_streetworld.py",
    "srcl_geoclip/srcl_geoclip_r18_globeworld.py",
)


def write(folder: Path, content: Any, name: str = "shared.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(content) if name.endswith("json") else yaml.safe_dump(content))
    return file


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_in_json_is_the_config(name: str, tmp_path: Path) -> None:
    cfg = prepare(load_config(ROOT / "configs" / name), str(tmp_path / "run"))
    write_declarative(cfg, tmp_path / "shared.json")
    read = load_config(tmp_path / "shared.json")
    assert "work_dir" not in read
    assert "output_dir" not in read.test_evaluator
    again = prepare(read, str(tmp_path / "run"))
    assert config_hash(again) == config_hash(cfg)
    expected = {k: v for k, v in cfg.to_dict().items() if k != "launcher"}
    assert {k: v for k, v in again.to_dict().items() if k != "launcher"} == expected


def test_yaml_says_the_same_as_json(tmp_path: Path) -> None:
    cfg = load_config(ROOT / "configs" / CONFIGS[0])
    write_declarative(cfg, tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    assert load_config(write(tmp_path, content, "a.yaml")).to_dict() == cfg.to_dict()


def test_bases_are_inherited(tmp_path: Path) -> None:
    write(tmp_path, {"model": {**MODEL, "dim": 1}, "amp": True}, "base.yml")
    write(tmp_path, {"train_cfg": {"max_epochs": 1, "by_epoch": True}}, "other.json")
    child = {
        "_base_": ["base.yml", "other.json"],
        "amp": False,
        "model": {"_delete_": True, **MODEL},
        "train_cfg": {"max_epochs": 2},
    }
    cfg = load_config(write(tmp_path, child), {"amp": True})
    assert cfg.model == MODEL
    assert cfg.train_cfg == {"max_epochs": 2, "by_epoch": True}
    assert cfg.amp is True


MARKED = "import pathlib\npathlib.Path('MARK').write_text('run')\n"
EVALUATED = "mmpretrain.torchvision/ConvertImageDtype"  # of the option dtype, as Python
PYTHON_YAML = "model: !!python/object/apply:os.mkdir [MARK]\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", r"a\.json:1: not JSON"),
        ("a.json", '{"model": NaN}', r"a\.json: NaN is no number"),
        ("a.json", '{"a": 1, "a": 2}', r"a\.json: the key 'a' appears twice"),
        ("a.json", "[1]", r"a\.json holds a list"),
        ("a.json", "[" * 100_000, r"a\.json.*nested too deeply"),
        ("a.json", "[" * 60 + "]" * 60, r"a\.json is nested more than 40"),
        ("a.json", '{"a": ' + "1" * 5000 + "}", r"a\.json: .*digits"),
        ("a.json", '{"a": {"__tuple__": 5}}', r"a\.json: __tuple__ must have a list"),
        ("a.json", '{"a": "' + "x" * 300_000 + '"}', r"a\.json has \d+ bytes"),
        ("a.json", b"\xff\xfe", r"a\.json is no text file in UTF-8"),
        ("a.json", '{"_base_": "gone.json"}', r"a\.json: _base_ names gone\.json, but"),
        ("a.json", '{"_base_": "a.json"}', r"a\.json: _base_ goes round in a circle"),
        ("a.json", '{"_base_": ["b.json", "b.json"]}', r"a\.json: _base_ names b\.json, .*already"),
        ("a.json", '{"_base_": 5}', r"_base_=5 must be the path"),
        ("a.json", '{"_base_": "marked.py"}', r"names marked\.py, which is not JSON or YAML"),
        ("a.json", '{"_base_": ["b.json", "c.json"]}', r"several files with the key 'x'"),
        ("a.json", '{"_base_": "b.json", "x": {"y": 1}}', r"x has options.*_delete_"),
        ("a.json", '{"model": {"type": "os.system"}}', r"model\.type='os\.system' is not regis"),
        ("a.json", '{"model": {"type": "marked.X"}}', r"model\.type='marked\.X' is not regis"),
        ("a.json", '{"model": {"type": ["a"]}}', r"model\.type=\['a'\] is not registered"),
        (
            "a.json",
            '{"custom_imports": {"imports": ["marked"]}}',
            r"custom_imports imports modules",
        ),
        ("a.json", '{"default_scope": "marked"}', r"default_scope='marked' must be one of"),
        ("a.json", '{"x": {"_scope_": "marked"}}', r"x\._scope_='marked' must be one of"),
        ("a.json", '{"optim_wrapper": {"constructor": "marked.X"}}', r"constructor='marked\.X' is"),
        ("a.json", '{"x": [{"trust_remote_code": true}]}', r"x\[0\]\.trust_remote_code lets"),
        (
            "a.json",
            '{"x": [{"ema_type": "marked.X"}]}',
            r"ema_type='marked\.X' is not regis",
        ),
        ("a.json", '{"x": {"norm_layer": "marked.X"}}', r"x\.norm_layer='marked\.X' is not regis"),
        (
            "a.json",
            '{"x": {"auto_wrap_policy": "marked.X"}}',
            r"_policy='marked\.X' is not",
        ),
        (
            "a.json",
            f'{{"x": [{{"type": "{EVALUATED}"}}]}}',
            r"\.type='mmpretrain\.torchvision",
        ),
        ("a.json", '{"x": {"type": "VQAGenerationHead"}}', r"x\.type='VQAGenerationHead' is not"),
        ("a.json", '{"text": "x"}', r"a\.json: KeyError: .*text is reserved"),
        ("a.yaml", PYTHON_YAML, r"a\.yaml:1: not plain YAML: .*python/object/apply"),
        ("a.yaml", "a: &x [1]\nb: *x\n", r"a\.yaml:2: not plain YAML: the alias \*x"),
        ("a.yaml", "a: &x [*x]\n", r"a\.yaml:1: not plain YAML: the alias \*x"),
        ("a.yaml", "a: 1\na: 2\n", r"a\.yaml:2: not plain YAML: the key 'a' appears twice"),
        ("a.yaml", "1: 2\n", r"a\.yaml has the key 1, which must be text"),
        ("a.yaml", "a: 2020-13-01\n", r"a\.yaml: not plain YAML: month"),
        ("a.yaml", "a: 2020-12-01\n", r"a\.yaml\.a=.*no plain value"),
        ("a.yaml", "a: .inf\n", r"a\.yaml\.a=inf is code or no plain value"),
        ("a.yaml", "a: !!binary aGVsbG8=\n", r"a\.yaml\.a=.*no plain value"),
        ("a.yaml", "a: [", r"a\.yaml:1: not plain YAML"),
        ("a.yaml", "a: 1\n---\nb: 2\n", r"a\.yaml:2: not plain YAML: but found another document"),
        ("a.yaml", "", r"a\.yaml holds a NoneType"),
        ("a.yaml", "[" * 3000, r"a\.yaml.*nested too deeply"),
    ],
)
def test_what_is_not_plain_is_refused(
    name: str, text: str | bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "marked.py").write_text(MARKED)
    (tmp_path / "marked").mkdir()
    (tmp_path / "marked/__init__.py").write_text(MARKED)
    (tmp_path / "marked/registry.py").write_text(MARKED)
    write(tmp_path, {"x": 1}, "b.json")
    write(tmp_path, {"x": 2}, "c.json")
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(GeolocError, match=message) as refusal:
        load_config(Path(name))
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "MARK").exists()


def test_a_config_with_classes_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "lazy.py").write_text(
        "from mmengine.config import read_base\nfrom geoloc.models import CrossViewRetriever\n"
        "model = dict(type=CrossViewRetriever)\n"
    )
    with pytest.raises(UnknownTypeError, match=r"model\.type=.*imports nothing"):
        write_declarative(load_config(tmp_path / "lazy.py"), tmp_path / "lazy.json")
    (tmp_path / "odd.py").write_text(
        "model = dict(type='CrossViewRetriever')\nextra = dict(x=[lambda: 1])\n"
    )
    with pytest.raises(ConfigError, match=r"extra\.x\[0\]=.*code or no plain value"):
        write_declarative(load_config(tmp_path / "odd.py"), tmp_path / "odd.json")
    assert not list(tmp_path.glob("*.json"))


def test_a_run_prefers_its_plain_config(tmp_path: Path) -> None:
    (tmp_path / "some.py").write_text("")
    (tmp_path / "a.pth").write_text("")
    assert model_of_run(tmp_path)[0] == tmp_path / "some.py"
    write(tmp_path, {"model": MODEL}, "config.json")
    assert model_of_run(tmp_path)[0] == tmp_path / "config.json"


def test_the_config_that_a_run_leaves_repeats_it(
    small_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["train", str(small_config(epochs=1)), "--work-dir", "first"])
    (tmp_path / "shared.json").write_bytes((tmp_path / "first/config.json").read_bytes())
    main(["train", "shared.json"])
    first, again = (
        json.loads((tmp_path / folder / "metrics.json").read_text())
        for folder in ("first", "work_dirs/shared")
    )
    assert again == first
    assert (tmp_path / "work_dirs/shared/shared.py").is_file()  # as every run leaves one
    first, again = (
        json.loads((tmp_path / folder / "config.json").read_text())
        for folder in ("first", "work_dirs/shared")
    )
    assert again == first


def test_a_run_that_needs_code_leaves_no_plain_config(
    small_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needed_plugin.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    extra = "custom_imports = dict(imports=['needed_plugin'])\n"
    cfg = prepare(load_config(small_config(extra=extra)), str(tmp_path / "run"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text("of an earlier run")
    keep_config(cfg)
    assert not (tmp_path / "run/config.json").exists()

"""Run configs that cannot work, or that want to run something."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.corpus.case import Case, Corpus, text

LOADER = {
    "batch_size": 2,
    "num_workers": 0,
    "dataset": {"type": "PairDataset", "pipelines": {}},
    "sampler": {"type": "UniquePlaceSampler"},
}
GOOD: dict[str, Any] = {
    "model": {"type": "CrossViewRetriever", "losses": {"x": {"type": "InfoNCELoss"}}},
    "train_dataloader": LOADER,
    "val_dataloader": LOADER,
    "test_dataloader": LOADER,
    "optim_wrapper": {"optimizer": {"type": "Adam", "lr": 0.1}, "clip_grad": {"type": "norm"}},
    "train_cfg": {"by_epoch": True, "max_epochs": 1},
    "val_evaluator": {"type": "HierarchicalRetrieval"},
    "test_evaluator": {"type": "HierarchicalRetrieval"},
}
# dotted key: a value that it cannot have, and what the refusal says; None takes the key out
WRONG: dict[str, tuple[Any, str]] = {
    "model": (5, "model=5"),
    "model.type": ("CrossViewRetreiver", r"model.type='CrossViewRetreiver'"),
    "model.losses.x.type": ("os.system", r"model.losses.x.type='os.system'"),
    "model.losses.x.scale_": (1, "model.losses.x.scale_"),
    "model.losses.x._scope_": ("antigravity", "_scope_='antigravity'"),
    "model.backbone": ({"type": "subprocess.Popen", "args": ["touch", "MARK"]}, "subprocess.Popen"),
    "model.trust_remote_code": (True, "trust_remote_code"),
    "modle": ({}, "modle"),
    "custom_imports": ({"imports": ["os"]}, "custom_imports"),
    "default_scope": ("antigravity", "default_scope='antigravity'"),
    "runner_type": ("os.system", "runner_type='os.system'"),
    "optim_wrapper.constructor": ("os.system", "constructor='os.system'"),
    "optim_wrapper": ([], "optim_wrapper=[]"),
    "train_dataloader": (None, "config has no train_dataloader"),
    "val_dataloader": ("none", "val_dataloader='none'"),
    "test_dataloader": ([], "test_dataloader=[]"),
    "train_dataloader.batch_size": (-1, "train_dataloader.batch_size=-1"),
    "val_dataloader.batch_size": (0, "val_dataloader.batch_size=0"),
    "test_dataloader.batch_size": ("8", "test_dataloader.batch_size='8'"),
    "train_dataloader.batch_size ": (None, ""),
    "train_dataloader.num_workers": (-3, "num_workers=-3"),
    "val_dataloader.num_workers": (1.5, "num_workers=1.5"),
    "test_dataloader.num_workers": (True, "num_workers=True"),
    "train_dataloader.dataset": ("here", "train_dataloader.dataset='here'"),
    "train_dataloader.dataset.type": (None, "train_dataloader.dataset"),
    "train_dataloader.dataset.source": ("here", "train_dataloader.dataset.source='here'"),
    "train_dataloader.sampler": (None, "train_dataloader.sampler"),
    "train_dataloader.sampler.type": (None, "train_dataloader.sampler needs a type"),
    "train_dataloader.sampler.batch_size": (5, "sampler.batch_size=5"),
    "train_cfg.max_epochs": (-5, "train_cfg.max_epochs=-5"),
    "train_cfg": ("long", "train_cfg='long'"),
    "train_cfg.val_interval": (0, "train_cfg.val_interval=0"),
    "val_evaluator": (None, "config has no val_evaluator"),
    "test_evaluator": (["a"], "test_evaluator=['a']"),
    "randomness": (7, "randomness=7"),
    "randomness.seed": (-1, "randomness.seed=-1"),
    "custom_hooks": ("all", "custom_hooks='all'"),
    "num_threads": (0, "num_threads=0"),
    "amp": ("yes", "amp='yes'"),
    "work_dir": (["a"], "work_dir=['a']"),
    "env_cfg": (1, "env_cfg=1"),
}
del WRONG["train_dataloader.batch_size "]

JSON_TEXTS = {
    "empty": b"",
    "cut off": json.dumps(GOOD)[:100],
    "list": "[]",
    "number": "1",
    "nothing": "null",
    "nan": '{"model": NaN}',
    "key twice": '{"model": {}, "model": {}}',
    "nested for ever": "[" * 200_000,
    "deep": '{"a":' * 100 + "1" + "}" * 100,
    "number of 5000 digits": '{"a": ' + "9" * 5000 + "}",
    "tuple of nothing": '{"a": {"__tuple__": null}}',
    "latin1": '{"model": "é"}'.encode("latin1"),
    "utf-16": '{"model": {}}'.encode("utf-16"),
    "half a surrogate": '{"model": {"type": "\\ud800"}}',
    "megabyte": '{"a": "' + "x" * 2**20 + '"}',
    "no model": "{}",
    "reserved key": '{"filename": "a"}',
    "base missing": '{"_base_": "gone.json"}',
    "base itself": '{"_base_": "config.json"}',
    "base number": '{"_base_": 1}',
    "base in python": '{"_base_": "base.py"}',
    "base a folder": '{"_base_": "."}',
    "comment": '{"model": {} // a comment\n}',
}
YAML_TEXTS = {
    "empty": "",
    "python object": "model: !!python/object/apply:os.system ['touch MARK']\n",
    "python name": "model: !!python/name:os.system\n",
    "python module": "model: !!python/module:antigravity\n",
    "alias": "a: &a {b: 1}\nmodel: *a\n",
    "alias of itself": "a: &a [*a]\n",
    "laughs": "a: &a [x]\n"
    + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    ),
    "merged laughs": "a: &a {x: 1}\n"
    + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [{', '.join(['*' + chr(97 + n)] * 9)}]}}\n"
        for n in range(9)
    ),
    "key twice": "model: {}\nmodel: {}\n",
    "key no text": "1: {}\n",
    "key a list": "? [a]\n: 1\n",
    "date": "model: 2020-01-01\n",
    "no date": "model: 2020-99-99\n",
    "infinite": "model: .inf\n",
    "binary": "model: !!binary aGVsbG8=\n",
    "set": "model: !!set {a, b}\n",
    "tab": "model:\n\ttype: a\n",
    "never closed": "model: [\n",
    "two documents": "model: {}\n---\nmodel: {}\n",
    "deep": "[" * 2000,
    "null character": "model: \0\n",
    "text": "hello",
}
PYTHON_TEXTS = {
    "syntax": "model = dict(",
    "unknown name": "model = dict(type=nothing)",
    "raises": "raise ValueError('no')",
    "not utf-8": b"model = '\xe9'",
    "null character": "model = 1\0",
    "base missing": "_base_ = 'gone.py'",
    "base itself": "_base_ = 'config.py'",
    "base number": "_base_ = 5",
    "module missing": "custom_imports = dict(imports=['no_such_module_at_all'])",
    "no model": "train_cfg = dict()",
    "model a list": "model = []",
    "type of a dot": "model = dict(type='.')",
    "type with a leading dot": "model = dict(type='.X')",
    "type empty": "model = dict(type='')",
    "type unknown": "model = dict(type='NoSuchModelAtAll')",
    "reserved key": "filename = 'a'",
}


def changed(key: str, value: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        content = json.loads(json.dumps(GOOD))
        *parents, last = key.split(".")
        node = content
        for name in parents:
            node = node.setdefault(name, {})
        node[last] = value
        if value is None:
            del node[last]
        return text("config.json", json.dumps(content))(folder)

    return write


def circle(folder: Path) -> Path:
    for name, base in (("config", "b"), ("b", "c"), ("c", "b")):
        (folder / f"{name}.json").write_text(json.dumps({"_base_": f"{base}.json"}))
    return folder / "config.json"


def corpus() -> Corpus:
    cases = {"config, good": Case("config", text("config.json", json.dumps(GOOD)), True)}
    for key, (value, says) in WRONG.items():
        cases[f"config, {key}={value!r}"] = Case("config", changed(key, value), says=says)
    texts = (("config.json", JSON_TEXTS), ("config.yaml", YAML_TEXTS), ("config.py", PYTHON_TEXTS))
    for file, contents in texts:
        for name, content in contents.items():
            cases[f"{file}, {name}"] = Case("config", text(file, content))
    cases["config.json, circle of bases"] = Case("config", circle, says="circle")
    cases["config of no kind"] = Case("config", text("config.txt", "model = {}"))
    return cases

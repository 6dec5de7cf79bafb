"""Bundles: the same model elsewhere, and nothing else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from geoloc.config_json import decode, encode
from geoloc.errors import CheckpointError, ConfigError, ExportError, UnknownTypeError
from geoloc.export import export_bundle, export_onnx
from geoloc.localization import Describer, Gallery, Localizer, build_gallery
from geoloc.localization.model_bundle import ModelBundle, sha256_of
from geoloc.localization.trained_model import TrainedModel, hash_of, load_trained_model
from geoloc.registry import HEADS, MODELS
from tests.export.conftest import trained
from tests.localization.conftest import Files


@HEADS.register_module(force=True)
class UnsavedHead(nn.Module):
    """A head that keeps part of what it computes with out of its weights."""

    built = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).built += 1
        generator = torch.Generator().manual_seed(self.built)
        self.direction = torch.randn(64, generator=generator)

    def forward(self, pooled: Tensor) -> Tensor:
        return nn.functional.normalize(pooled * self.direction)


@pytest.fixture(scope="module")
def gallery(world: Path, describer: Describer, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("gallery") / "g"
    return build_gallery(folder, world / "satellite", describer, "satellite")


@pytest.fixture(scope="module")
def made(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    export_bundle(folder, model)
    return folder


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """A bundle to spoil."""
    return Path(shutil.copytree(made, tmp_path / "bundle"))


def edit(bundle: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    file = bundle / "bundle.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def rehash(content: dict[str, Any]) -> None:
    """Make the checksum of the configs right again, as whoever means harm would."""
    digest = hash_of(decode(content["model"]), decode(content["pipelines"]))
    content["record"]["config_hash"] = digest


def test_a_bundle_localizes_as_its_run_does(
    files: Files, bundle: Path, gallery: Gallery, world: Path
) -> None:
    run = Localizer(files.config, files.checkpoint, gallery)
    copy = Localizer(bundle, gallery=gallery)
    assert copy.describer.record("drone") == run.describer.record("drone")
    answers = copy.localize(world / "drone", top_k=3)
    assert len(answers) == 12
    for answer, expected in zip(answers, run.localize(world / "drone", top_k=3), strict=True):
        assert answer.photo.name == answer.images[0].name
        assert answer.scores.tolist() == expected.scores.tolist()


def test_a_bundle_holds_weights_and_architecture_alone(files: Files, bundle: Path) -> None:
    assert {file.name for file in bundle.iterdir()} == {
        "README.md",
        "bundle.json",
        "model.safetensors",
    }
    checkpoint = torch.load(files.checkpoint, weights_only=True)["state_dict"]
    weights = load_file(bundle / "model.safetensors")
    assert weights.keys() == {name for name in checkpoint if not name.startswith("losses.")}
    assert all(torch.equal(value, checkpoint[name]) for name, value in weights.items())
    model = json.loads((bundle / "bundle.json").read_text())["model"]
    assert model.keys() == {"type", "backbone", "neck", "head"}
    read = ModelBundle.read(bundle)
    assert read.pipelines["drone"][1] == {"type": "mmpretrain.Resize", "scale": (32, 32)}


def test_where_weights_start_from_is_not_part_of_the_model(files: Files, tmp_path: Path) -> None:
    text = files.config.read_text()
    start = 'dict(type="Pretrained", checkpoint="/absent/imagenet.pth")'
    (tmp_path / "tiny.py").write_text(text.replace("depth=18", f"depth=18, init_cfg={start}"))
    loaded = load_trained_model(tmp_path / "tiny.py", files.checkpoint)
    assert loaded.record == load_trained_model(files.config, files.checkpoint).record
    export_bundle(tmp_path / "bundle", loaded)
    assert "imagenet" not in (tmp_path / "bundle/bundle.json").read_text()


def test_an_altered_bundle_is_refused(bundle: Path, files: Files) -> None:
    weights = bundle / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is not as it was written"):
        ModelBundle.read(bundle)
    # with a checksum to match, the fingerprint still tells
    edit(bundle, lambda content: content["files"].update({weights.name: sha256_of(weights)}))
    with pytest.raises(CheckpointError, match=r"model\.safetensors is not as it was written"):
        Describer.from_bundle(bundle)
    save_file({"a": torch.zeros(2)}, weights)
    edit(bundle, lambda content: content["files"].update({weights.name: sha256_of(weights)}))
    with pytest.raises(CheckpointError, match="another model than the config"):
        Describer.from_bundle(bundle)
    weights.write_bytes(b"no safetensors")
    edit(bundle, lambda content: content["files"].update({weights.name: sha256_of(weights)}))
    with pytest.raises(CheckpointError, match="holds no safetensors"):
        Describer.from_bundle(bundle)
    weights.unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        ModelBundle.read(bundle)


def test_an_edited_config_is_refused(bundle: Path) -> None:
    def enlarge(content: dict[str, Any]) -> None:
        content["pipelines"]["drone"][1]["scale"] = {"__tuple__": [48, 48]}

    edit(bundle, enlarge)
    with pytest.raises(CheckpointError, match=r"bundle\.json is not as it was written"):
        ModelBundle.read(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format_version=99), "format version 99, this geoloc"),
        (lambda content: content.pop("format_version"), "is damaged"),
        (lambda content: content.pop("model"), "is damaged.*model"),
        (lambda content: content["record"].update(more=1), "is damaged"),
        (lambda content: content["files"].clear(), "is damaged"),
        (lambda content: content.update(graphs={"drone": "../x.onnx"}), "is damaged"),
    ],
)
def test_a_description_of_another_kind_is_refused(
    bundle: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    edit(bundle, change)
    with pytest.raises(CheckpointError, match=message):
        ModelBundle.read(bundle)


def test_other_folders_are_refused(tmp_path: Path, bundle: Path, gallery: Gallery) -> None:
    with pytest.raises(CheckpointError, match=r"is no bundle: it has no bundle\.json"):
        Localizer(tmp_path / "..", gallery=gallery)
    (bundle / "bundle.json").write_text("{")
    with pytest.raises(CheckpointError, match="is damaged"):
        Localizer(bundle, gallery=gallery)
    with pytest.raises(ConfigError, match="the folder of a bundle"):
        Localizer(tmp_path / "absent", gallery=gallery)


def test_nothing_that_a_bundle_names_is_run(bundle: Path, tmp_path: Path) -> None:
    marker = tmp_path / "run"
    harm = {"type": "builtins.open", "file": str(marker), "mode": "w"}

    def plant(content: dict[str, Any]) -> None:
        content["model"]["neck"] = harm
        rehash(content)

    edit(bundle, plant)
    with pytest.raises(UnknownTypeError, match=r"model\.neck\.type='builtins\.open'"):
        Describer.from_bundle(bundle)
    assert not marker.exists()
    MODELS.build(dict(harm)).close()  # what mmengine does with it
    assert marker.exists()


def test_a_part_that_is_not_installed_is_named(bundle: Path) -> None:
    def rename(content: dict[str, Any]) -> None:
        content["pipelines"]["satellite"][1]["type"] = "SomebodysResize"
        rehash(content)

    edit(bundle, rename)
    with pytest.raises(UnknownTypeError, match=r"pipelines\.satellite\[1\].*SomebodysResize"):
        Describer.from_bundle(bundle)


def test_an_export_that_computes_something_else_is_not_kept(tmp_path: Path) -> None:
    model = trained(head={"type": "UnsavedHead"})
    with pytest.raises(ExportError, match=r"entries differ by 0\.\d+, more than 1e-05"):
        export_bundle(tmp_path / "bundle", model)
    assert not [*tmp_path.iterdir()]


def test_a_folder_in_use_is_left_alone(tmp_path: Path, model: TrainedModel) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for export in (export_bundle, export_onnx):
        with pytest.raises(ExportError, match="is not empty"):
            export(tmp_path, model)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_code_in_a_config_is_refused(tmp_path: Path) -> None:
    model = trained()
    coded = model._replace(config={**model.config, "neck": {"type": nn.Identity}})
    with pytest.raises(ConfigError, match=r"model\.neck\.type=.*Identity"):
        export_bundle(tmp_path / "bundle", coded)
    assert not [*tmp_path.iterdir()]


PLAIN = st.none() | st.booleans() | st.integers() | st.text()
CONFIGS = st.recursive(
    PLAIN | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(CONFIGS)
@settings(max_examples=40)
def test_configs_survive_json(config: Any) -> None:
    read = decode(json.loads(json.dumps(encode(config, "config"))))
    assert read == config
    assert repr(read) == repr(config)  # tells tuples from lists, 1 from 1.0 and True


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x", len, torch.float32])
def test_what_json_lacks_is_named(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"model\.a\[1\]\.b="):
        encode({"a": [0, {"b": value}]}, "model")


def test_the_card_says_what_is_known(tmp_path: Path, model: TrainedModel) -> None:
    results = [{"Task": "drone->satellite", "Dataset": "World (12)", "Metrics": {"R@1": 12.5}}]
    about = {"Name": "tiny", "License": "CC-BY-4.0", "Metadata": {"Epochs": 3}, "Results": results}
    export_bundle(tmp_path / "b", model, about)
    _, header, text = (tmp_path / "b/README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(header)["license"] == "cc-by-4.0"
    for fact in ("# tiny", "| Epochs | 3 |", "drone->satellite | World (12) | 12.5 |", "32 x 32"):
        assert fact in text
    assert model.record.fingerprint in text

"""Graphs compute what the network computes, for batches of every size, without geoloc too."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from geoloc.errors import CheckpointError, ConfigError, ExportError
from geoloc.export import export_onnx
from geoloc.export.onnx_graph import OPSET
from geoloc.localization import Describer, Localizer, build_gallery
from geoloc.localization.onnx_model import open_graph
from geoloc.localization.trained_model import TrainedModel, load_trained_model
from geoloc.models.preprocessor import IMAGENET_MEAN, IMAGENET_STD
from geoloc.registry import HEADS
from tests.conftest import ROOT
from tests.export.conftest import SIDE, pipeline, trained

VIT = {
    "type": "mmpretrain.VisionTransformer",
    "arch": {"embed_dims": 32, "num_layers": 2, "num_heads": 2, "feedforward_channels": 64},
    "img_size": SIDE,
    "patch_size": 8,
}
CONVNEXT = {
    "type": "mmpretrain.ConvNeXt",
    "arch": {"depths": [1, 1, 1, 1], "channels": [8, 16, 24, 32]},
    "gap_before_final_norm": False,
}
HEAD_32 = {"type": "ProjectionHead", "in_dims": 32, "embed_dims": 16}
MODELS = {
    "ResNet-18": {},
    "ResNet-18, GeM, mirrored, NHWC": {
        "neck": {"type": "GeM"},
        "flip_test": True,
        "channels_last": True,
    },
    "LPN": {
        "neck": {"type": "SquareRingPartition", "num_parts": 4},
        "head": {"type": "BottleneckHead", "in_dims": 64, "embed_dims": 8, "num_parts": 4},
        "flip_test": True,
    },
    "ViT": {"backbone": {**VIT, "out_type": "raw"}, "neck": {"type": "ClassTokens"}},
    "ViT, map": {"backbone": {**VIT, "out_type": "featmap"}},
    "ViT of timm": {
        "backbone": {
            "type": "TimmBackbone",
            "model_name": "vit_tiny_patch16_224",
            **{"img_size": SIDE, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2},
        },
    },
    "ConvNeXt": {"backbone": CONVNEXT, "neck": {"type": "GeM"}},
}


class BatchCounter(nn.Module):
    """A head whose descriptors depend on the number of images, counted in Python."""

    def forward(self, pooled: Tensor) -> Tensor:
        return nn.functional.normalize(pooled + self.count(pooled))

    def count(self, pooled: Tensor) -> Any:
        return int(pooled.shape[0])


@HEADS.register_module(force=True)
class AddsBatchSize(BatchCounter):
    """Adds it."""


@HEADS.register_module(force=True)
class NumbersImages(BatchCounter):
    """Adds the number of each image."""

    def count(self, pooled: Tensor) -> Tensor:
        return torch.tensor([*range(len(pooled))])[:, None]


@HEADS.register_module(force=True)
class ReshapesImages(BatchCounter):
    """Puts them into as many rows as there are images."""

    def count(self, pooled: Tensor) -> Tensor:
        return pooled.reshape(len([*pooled]), -1)


@HEADS.register_module(force=True)
class FourierHead(BatchCounter):
    """Has no counterpart in ONNX."""

    def count(self, pooled: Tensor) -> Tensor:
        return torch.fft.rfft(pooled, n=126).abs()


def pixels(count: int, seed: int = 7) -> np.ndarray:
    """Return images of one colour each and noise, uint8 ``[count, 3, SIDE, SIDE]``."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 200, (count, 3, 1, 1))
    return (colours + rng.integers(0, 56, (count, 3, SIDE, SIDE))).astype(np.uint8)


def normalised(images: np.ndarray) -> np.ndarray:
    mean, std = (np.array(part).reshape(3, 1, 1) for part in (IMAGENET_MEAN, IMAGENET_STD))
    return ((images - mean) / std).astype(np.float32)


def session(file: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", MODELS)
def test_a_graph_describes_batches_of_every_size(name: str, tmp_path: Path) -> None:
    parts = MODELS[name]
    if "backbone" in parts:
        parts = {"head": HEAD_32, **parts}
    model = trained(**parts)
    exported = export_onnx(tmp_path / "out", model, ["satellite"])
    assert exported.comparisons["satellite"].difference < 1e-5
    graph = session(tmp_path / "out/satellite.onnx")
    for count in (1, 2, 5, 9):
        images = pixels(count)
        (found,) = graph.run(None, {"images": images})
        with torch.no_grad():
            expected = model.model.describe(torch.from_numpy(normalised(images)), "satellite")
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    # the images matter by far more than the tolerance
    assert np.abs(found - found[0]).max(axis=1)[1:].min() > 1e-3


def test_a_graph_says_what_it_is(tmp_path: Path, model: TrainedModel) -> None:
    export_onnx(tmp_path / "out", model)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "README.md",
        "bundle.json",
        "drone.onnx",
        "satellite.onnx",
    }
    graph = onnx.load(tmp_path / "out/drone.onnx")
    assert [opset.version for opset in graph.opset_import] == [OPSET] == [17]
    assert {entry.key: entry.value for entry in graph.metadata_props} == {
        "view": "drone",
        "fingerprint": model.record.fingerprint,
        "config_hash": model.record.config_hash,
    }
    (images,), (descriptors,) = graph.graph.input, graph.graph.output
    assert [images.name, descriptors.name] == ["images", "descriptors"]
    assert images.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    sizes = [entry.dim_param or entry.dim_value for entry in images.type.tensor_type.shape.dim]
    assert sizes == ["n", 3, SIDE, SIDE]


def test_a_view_has_a_graph_of_its_own_branch(tmp_path: Path) -> None:
    model = trained(shared=("backbone", "neck"))
    export_onnx(tmp_path / "out", model)
    images = pixels(3)
    by_view = [
        session(tmp_path / f"out/{view}.onnx").run(None, {"images": images})[0]
        for view in ("drone", "satellite")
    ]
    assert np.abs(by_view[0] - by_view[1]).max() > 0.01


def test_a_graph_may_take_normalised_images(tmp_path: Path, model: TrainedModel) -> None:
    export_onnx(tmp_path / "raw", model, ["drone"])
    export_onnx(tmp_path / "float", model, ["drone"], raw_images=False)
    images = pixels(4)
    (raw,) = session(tmp_path / "raw/drone.onnx").run(None, {"images": images})
    (found,) = session(tmp_path / "float/drone.onnx").run(None, {"images": normalised(images)})
    np.testing.assert_allclose(found, raw, atol=1e-6)
    both = [
        Describer.from_bundle(tmp_path / name).describe_images([*torch.from_numpy(images)], "drone")
        for name in ("raw", "float")
    ]
    np.testing.assert_allclose(both, [raw, raw], atol=1e-6)


def test_a_graph_serves_localizer_in_place_of_the_network(
    tmp_path: Path, model: TrainedModel, describer: Describer, world: Path
) -> None:
    gallery = build_gallery(tmp_path / "g", world / "satellite", describer, "satellite")
    export_onnx(tmp_path / "out", model, ["drone"])
    found = Localizer(tmp_path / "out", gallery=gallery).localize(world / "drone", top_k=2)
    expected = Localizer(describer, gallery=gallery).localize(world / "drone", top_k=2)
    assert len(found) == 12
    for answer, other in zip(found, expected, strict=True):
        assert answer.rows[0] == other.rows[0]
        np.testing.assert_allclose(answer.scores, other.scores, atol=1e-5)
    with pytest.raises(ConfigError, match="view='satellite' is not among the model's, drone"):
        Localizer(tmp_path / "out", gallery=gallery, view="satellite")
    graph = tmp_path / "out/drone.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"drone\.onnx is not as it was written"):
        Localizer(tmp_path / "out", gallery=gallery)


def test_without_onnxruntime_the_evaluator_of_onnx_runs_a_graph(
    tmp_path: Path, model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_onnx(tmp_path / "out", model, ["drone"])
    file, images = tmp_path / "out/drone.onnx", pixels(2)
    fast = open_graph(file)(images)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    np.testing.assert_allclose(open_graph(file)(images), fast, atol=1e-5)
    monkeypatch.setitem(sys.modules, "onnx.reference", None)
    with pytest.raises(ConfigError, match=r"geoloc\[onnx\]"):
        open_graph(file)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"geoloc\[onnx\]"):
        export_onnx(tmp_path / "other", model)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            "AddsBatchSize",
            r"1 images of view 'drone' otherwise.*differ by 0\.\d+, more than 1e-05",
        ),
        ("NumbersImages", r"gives descriptors \[2, 64\] of 1 images of view 'drone'"),
        ("ReshapesImages", r"cannot describe 1 images of view 'drone' at once"),
        ("FourierHead", r"network of view 'drone' has no ONNX graph"),
    ],
)
def test_a_graph_that_computes_something_else_is_not_kept(
    tmp_path: Path, head: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    model = trained(head={"type": head})
    with pytest.raises(ExportError, match=message):
        export_onnx(tmp_path / "out", model, ["drone"])
    assert not [*tmp_path.iterdir()]
    assert not capfd.readouterr().out


def test_images_of_several_sizes_have_no_graph(tmp_path: Path) -> None:
    loose = pipeline()
    loose[1] = {"type": "mmpretrain.Resize", "scale_factor": 0.5}
    model = trained()._replace(pipelines={"drone": loose})
    with pytest.raises(ConfigError, match="images of several sizes"):
        export_onnx(tmp_path / "out", model)
    with pytest.raises(ConfigError, match="view='street' is not among the model's, drone"):
        export_onnx(tmp_path / "out", model, ["street"])


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("dsm/dsm_r18_streetworld.py", r"model\.similarity='AzimuthSimilarity'"),
        ("geoclip/geoclip_r18_globeworld.py", r"model\.type='GeoCLIP'"),
    ],
)
def test_models_without_descriptors_to_compare_are_refused(config: str, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_trained_model(ROOT / "configs" / config, "unused.pth")


def test_a_graph_runs_where_neither_torch_nor_geoloc_is(
    tmp_path: Path, model: TrainedModel, describer: Describer
) -> None:
    export_onnx(tmp_path / "out", model, ["drone"])
    images = pixels(3)
    np.save(tmp_path / "images.npy", images)
    card = (tmp_path / "out/README.md").read_text()
    snippet = card.split("```python\n")[2].partition("```")[0]
    program = (
        "import json, sys\nimport numpy as np\nimages = np.load('../images.npy')\n"
        f"{snippet}\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'torch', 'mmengine', 'mmpretrain', 'geoloc'}, loaded\n"
        "print(json.dumps(descriptors.tolist()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "out",
        capture_output=True,
        text=True,
        check=True,
    )
    expected = describer.describe_images([*torch.from_numpy(images)], "drone")
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=1e-5)

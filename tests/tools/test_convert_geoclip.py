"""Official GeoCLIP weights become weights of ours."""

from pathlib import Path

import pytest
import torch

from geoloc.engine.pretrained import PretrainedInit
from geoloc.engine.weight_conversion import GEOCLIP_FILES, convert_geoclip
from geoloc.errors import CheckpointError
from geoloc.models import GeoCLIP
from geoloc.registry import MODELS

MODEL = {
    "type": "GeoCLIP",
    "backbone": {"type": "CachedFeatures"},
    "head": {"type": "PerceptronHead", "in_dims": 6, "hidden_dims": 6, "embed_dims": 5},
    "location_encoder": {
        "type": "LocationEncoder",
        "num_frequencies": 4,
        "hidden_dims": 8,
        "embed_dims": 5,
    },
}


def official_state(model: GeoCLIP) -> dict[str, torch.Tensor]:
    state = {
        name.replace("head.mlp.", "image_encoder.mlp."): tensor
        for name, tensor in model.state_dict().items()
    }
    clip = ("vision_model.post_layernorm.bias", "text_model.final_layer_norm.bias", "logit_scale")
    return state | {f"image_encoder.CLIP.{name}": torch.ones(2) for name in clip}


def test_the_released_files(tmp_path: Path, run_tool) -> None:
    torch.manual_seed(0)
    model = MODELS.build(MODEL)
    state, folder = official_state(model), tmp_path / "weights"
    folder.mkdir()
    for file, prefix in GEOCLIP_FILES.items():
        part = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        torch.save(part.get("", part), folder / file)
    out = tmp_path / "geoclip.pth"
    done = run_tool("convert_checkpoint.py", folder, out, "--format", "geoclip")
    assert done.returncode == 0, done.stderr
    torch.manual_seed(1)
    other = MODELS.build(MODEL)
    PretrainedInit(str(out))(other)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    (folder / "logit_scale_weights.pth").unlink()
    done = run_tool("convert_checkpoint.py", folder, out, "--format", "geoclip")
    assert done.returncode == 1
    assert "logit_scale_weights.pth does not exist" in done.stderr


def test_the_whole_network_without_its_text_tower() -> None:
    weights = convert_geoclip(official_state(MODELS.build(MODEL)), "official.pth")
    clip = [name for name in weights if name.startswith("backbone.")]
    assert clip == ["backbone.model.vision_model.post_layernorm.bias"]
    assert "logit_scale" in weights


def test_other_files_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"a.pth is not an official GeoCLIP; .* w"):
        convert_geoclip({"w": torch.ones(1)}, "a.pth")

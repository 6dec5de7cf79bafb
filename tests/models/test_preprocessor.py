"""Images vary in training alone, in the views that are named."""

from typing import Any

import pytest
import torch

from geoloc.errors import ConfigError, UnknownTypeError
from geoloc.localization.trained_model import architecture_of
from geoloc.models import CrossViewRetriever
from geoloc.models.preprocessor import ViewPreprocessor
from geoloc.registry import MODELS

FLIP = {"type": "BatchAugment", "flip_prob": 1.0}
PARTS = {
    "type": "CrossViewRetriever",
    "backbone": {"type": "mmpretrain.ResNet", "depth": 18, "stem_channels": 8, "base_channels": 8},
    "neck": {"type": "mmpretrain.GlobalAveragePooling"},
    "head": {"type": "ProjectionHead", "in_dims": 64, "embed_dims": 8},
}


def pixels() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=generator)


def build(augment: dict[str, Any]) -> CrossViewRetriever:
    torch.manual_seed(0)
    return MODELS.build(
        {**PARTS, "data_preprocessor": {"type": "ViewPreprocessor", "augment": augment}}
    )


def test_only_training_images_of_the_named_views_are_augmented() -> None:
    preprocessor = ViewPreprocessor(augment={"drone": FLIP})
    inputs = {"drone": pixels(), "satellite": pixels()}
    plain = ViewPreprocessor()({"inputs": inputs}, True)["inputs"]["drone"]
    tested = preprocessor({"inputs": inputs})["inputs"]
    assert torch.equal(tested["drone"], plain)
    assert torch.equal(tested["satellite"], plain)
    trained = preprocessor({"inputs": inputs}, training=True)["inputs"]
    torch.testing.assert_close(trained["drone"], plain.flip(-1), rtol=0, atol=1e-3)
    assert torch.equal(trained["satellite"], plain)
    assert not preprocessor.state_dict()


def test_an_evaluation_never_augments_not_even_in_training_mode() -> None:
    model = build({"drone": {"type": "BatchAugment", "degrees": 180.0}})
    batch = {
        "inputs": {"drone": pixels()},
        "places": {},
        "rows": {"drone": torch.arange(4)},
    }
    plain = build({})
    for mode in (False, True):
        state = torch.get_rng_state()
        ((found,), (expected,)) = (each.train(mode).test_step(batch) for each in (model, plain))
        assert torch.equal(found["descriptors"], expected["descriptors"])
        assert torch.equal(torch.get_rng_state(), state)


def test_images_that_a_miner_loads_again_are_augmented() -> None:
    model, plain = build({"drone": FLIP}).eval(), build({}).eval()
    found = model.describe_reloaded(pixels(), "drone")
    torch.testing.assert_close(found, plain.describe_reloaded(pixels().flip(-1), "drone"))


def test_a_trained_model_forgets_how_images_varied() -> None:
    config = {
        **PARTS,
        "data_preprocessor": {"type": "ViewPreprocessor", "augment": {"drone": FLIP}},
    }
    assert architecture_of(config)["data_preprocessor"] == {"type": "ViewPreprocessor"}


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match=r"augment: \['dron'\] not among the views \['drone'"):
        build({"dron": FLIP})
    with pytest.raises(ConfigError, match=r"augment\.type='BatchAugment' must be the config of a"):
        build(FLIP)
    with pytest.raises(UnknownTypeError, match="BatchAugment"):
        build({"drone": {"type": "BatchAugmnt"}})

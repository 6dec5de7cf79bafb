"""A batch in chunks has the gradient of the whole batch, in the memory of a chunk."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.engine.precision import BFloat16OptimWrapper
from geoloc.engine.sharpness import SharpnessAwareOptimWrapper
from geoloc.errors import ConfigError
from geoloc.models import CrossViewRetriever, chunked_pass
from geoloc.registry import BACKBONES, MODELS

PLACES, DIMS, VIEWS = 10, 6, ("drone", "satellite")
LOSSES: dict[str, dict[str, dict[str, Any]]] = {
    "temperature": {"infonce": {"type": "InfoNCELoss", "learnable": True}},
    "proxies": {
        "dycl": {"type": "DyCLLoss", "scale": 4.0},
        "nsm": {"type": "NormalizedSoftmaxLoss", "num_places": PLACES, "embed_dims": DIMS},
    },
    "ranks": {"hap": {"type": "HAPLoss", "tau": 0.1}, "triplet": {"type": "TripletLoss"}},
    "memory": {"infonce": {"type": "InfoNCELoss", "weight": 0.5}},
}
MINERS = {
    "memory": {"type": "XBM", "loss": {"type": "InfoNCELoss"}, "start_iteration": 0},
}


@BACKBONES.register_module()
class NormedBackbone(nn.Sequential):
    """A network with one kind of norm, and dropout whose draws depend on the size of a batch."""

    def __init__(self, norm: str = "LayerNorm", dropout: float = 0.0, width: int = 16) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(3 * 4 * 4, width),
            getattr(nn, norm)(width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, DIMS),
        )


def build(case: str, chunk_size: int | None, **backbone: Any) -> CrossViewRetriever:
    torch.manual_seed(0)
    model: CrossViewRetriever = MODELS.build(
        {
            "type": "CrossViewRetriever",
            "backbone": {"type": "NormedBackbone", **backbone},
            "neck": {"type": "NoPooling"},
            "head": {"type": "NormalizeHead"},
            "losses": LOSSES[case],
            "miner": MINERS.get(case),
            "chunk_size": chunk_size,
        }
    ).double()
    far = torch.arange(PLACES)[:, None] - torch.arange(PLACES)
    model.set_place_levels(DistanceLevels((3 - far.abs()).clamp_min(0).to(torch.int8), 3))
    return model.train()


def batch(step: int = 0, size: int = PLACES, dtype: torch.dtype = torch.float64) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(step)
    labels = torch.randperm(PLACES, generator=generator).repeat(-(-size // PLACES))[:size]
    return {
        "inputs": {
            view: torch.randn(size, 3, 4, 4, generator=generator, dtype=dtype) for view in VIEWS
        },
        "places": dict.fromkeys(VIEWS, labels),
        "rows": {view: labels + PLACES * number for number, view in enumerate(VIEWS)},
    }


def steps(model: CrossViewRetriever, number: int = 2) -> dict[str, Tensor]:
    """Return losses, gradients and buffers after some steps without an optimiser."""
    torch.manual_seed(1)
    found = {}
    for step in range(number):
        losses = model(**batch(step), mode="loss")
        sum(losses.values()).backward()
        found |= {f"{name} of step {step}": value.detach() for name, value in losses.items()}
    found |= {f"grad of {name}": part.grad for name, part in model.named_parameters()}
    return found | dict(model.named_buffers())


@pytest.fixture
def with_graph(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a switch to chunks that keep all their activations."""

    def switch() -> None:
        monkeypatch.setattr(
            chunked_pass, "checkpoint", lambda embed, chunk, **options: embed(chunk)
        )

    return switch


@pytest.mark.parametrize("chunk_size", [1, 3, 4, 9, 10, 64])
@pytest.mark.parametrize("case", LOSSES)
def test_gradients_are_those_of_the_whole_batch(case: str, chunk_size: int) -> None:
    whole, chunked = steps(build(case, None)), steps(build(case, chunk_size))
    assert whole["grad of backbone.2.weight"].abs().max() > 1e-3
    torch.testing.assert_close(chunked, whole, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("norm", ["LayerNorm", "BatchNorm1d"])
def test_the_second_pass_repeats_the_first(norm: str, with_graph: Callable[[], None]) -> None:
    """Dropout drops the same, BatchNorm has the statistics of the chunk and records them once."""
    options = {"norm": norm, "dropout": 0.5}
    found = steps(build("proxies", 4, **options))
    with_graph()
    expected = steps(build("proxies", 4, **options))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-12)
    whole = steps(build("proxies", None, **options))
    assert not torch.allclose(whole["loss_dycl of step 0"], found["loss_dycl of step 0"])


def test_the_chunks_are_of_equal_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of one image has no BatchNorm statistics."""
    model, sizes = build("proxies", 3, norm="BatchNorm1d"), []
    model.backbone.register_forward_pre_hook(lambda module, images: sizes.append(len(images[0])))
    model(**batch(), mode="loss")
    assert sizes == [3, 3, 2, 2] * 2


def test_frozen_batch_norm_has_the_gradient_of_the_whole_batch() -> None:
    models = [build("proxies", size, norm="BatchNorm1d") for size in (None, 3)]
    for model in models:
        model.backbone[3].eval()
    torch.testing.assert_close(steps(models[1]), steps(models[0]), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("wrapper", "options"),
    [
        (OptimWrapper, {"clip_grad": {"max_norm": 1.0}}),
        (OptimWrapper, {"accumulative_counts": 2}),
        (SharpnessAwareOptimWrapper, {"rho": 0.5}),
        (BFloat16OptimWrapper, {}),
    ],
)
def test_every_kind_of_step_works_in_chunks(
    wrapper: type[OptimWrapper], options: dict[str, Any], with_graph: Callable[[], None]
) -> None:
    """Including dropout, and the repeated pass of a sharpness-aware step."""

    def trained() -> dict[str, Tensor]:
        model = build("proxies", 4, norm="BatchNorm1d", dropout=0.5)
        if wrapper is BFloat16OptimWrapper:
            model.float()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        stepping = wrapper(optimizer=optimizer, **options)
        stepping.initialize_count_status(model, 0, 4)
        model.data_preprocessor.forward = lambda data, training=False: data
        torch.manual_seed(3)
        for step in range(4):
            dtype = next(model.parameters()).dtype
            model.train_step(batch(step, dtype=dtype), stepping)
        return model.state_dict()

    found = trained()
    with_graph()
    torch.testing.assert_close(found, trained(), rtol=1e-6, atol=1e-12)


def test_memory_is_that_of_a_chunk() -> None:
    def peak_bytes(chunk_size: int | None) -> int:
        model = build("ranks", chunk_size, width=2048)
        images = batch(size=160)
        with torch.profiler.profile(profile_memory=True) as profile:
            sum(model(**images, mode="loss").values()).backward()
        held = peak = 0
        events = profile.profiler.kineto_results.events()
        for event in sorted(events, key=lambda event: event.start_ns()):
            if event.name() == "[memory]":
                held += event.nbytes()
                peak = max(peak, held)
        return peak

    # a chunk of 20 of 2 x 160 images, beside gradients and losses, which stay
    assert peak_bytes(20) < 0.3 * peak_bytes(None)


def test_no_chunk_is_left_in_evaluation() -> None:
    model = build("proxies", 3)
    seen = []
    model.backbone.register_forward_pre_hook(lambda module, images: seen.append(len(images[0])))
    model.eval()(**batch())
    assert seen == [10, 10]


@pytest.mark.parametrize("chunk_size", [0, -4])
def test_a_chunk_needs_an_image(chunk_size: int) -> None:
    with pytest.raises(ConfigError, match=rf"model\.chunk_size={chunk_size} must be at least 1"):
        build("proxies", chunk_size)

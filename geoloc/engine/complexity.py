"""What a network costs: parameters, multiply-accumulates, time, and the length of descriptors."""

import statistics
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from geoloc.datasets.pipeline import ViewPipelines
from geoloc.registry import MODELS

ROUNDS = 3

Size = tuple[int, int]


class Complexity(NamedTuple):
    """The columns of the cost tables of the DOCB paper.

    Attributes:
        parameters: Of all streams; those of the losses do not count.
        macs: Multiply-accumulates of convolutions and matrix products for one image of every
            view. The paper calls them FLOPs (inferred: its numbers fit two VGG16 streams so).
        batch_ms: Time to describe a batch of images of every view, in ms.
        descriptor_length: D.
    """

    parameters: int
    macs: int
    batch_ms: float
    descriptor_length: int


def complexity(cfg: Config, batch: int = 32) -> Complexity:
    """Measure the network of a config, from random weights; no data are needed.

    It runs on the GPU if there is one. Fourier transforms and similarities do not count.

    Args:
        cfg: A run config.
        batch: Images of every view in the batch that is timed; the time is the median of three.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model: nn.Module = MODELS.build(cfg.model).eval().to(device)
    sizes = image_sizes(cfg)
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            descriptors = _describe(model, _images(sizes, 1, device))
        batch_ms = _batch_ms(model, _images(sizes, batch, device))
    named = model.named_parameters()
    return Complexity(
        parameters=sum(part.numel() for name, part in named if not name.startswith("losses.")),
        macs=counter.get_total_flops() // 2,
        batch_ms=batch_ms,
        descriptor_length=descriptors[0].shape[1],
    )


def image_sizes(cfg: Config) -> dict[str, Size]:
    """Return the rows and columns of the test images by view, whatever the files have."""
    pipelines = ViewPipelines(cfg.test_dataloader.dataset.pipelines)
    return {view: pipelines.image_size(view) for view in pipelines.views}


def _images(sizes: Mapping[str, Size], count: int, device: torch.device) -> dict[str, Tensor]:
    return {view: torch.zeros(count, 3, *size, device=device) for view, size in sizes.items()}


def _describe(model: Any, images: Mapping[str, Tensor]) -> list[Tensor]:
    return [model.describe(part, view) for view, part in images.items()]


def _batch_ms(model: nn.Module, images: Mapping[str, Tensor]) -> float:
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        for descriptors in _describe(model, images):
            descriptors.sum().item()  # waits for a GPU
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[1:])  # the first round allocates

"""The network that describes one view, as a graph in the ONNX format."""

import inspect
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError, ExportError
from geoloc.localization.onnx_model import INPUT, OUTPUT
from geoloc.localization.trained_model import TrainedModel, descriptors_of

OPSET = 17  # the latest that torch 2.1 writes


class _ViewDescriber(nn.Module):
    """Images of one view to descriptors.

    Args:
        model: Of all views.
        view: The view.
        raw_images: Take uint8 images, not normalised ones.
    """

    def __init__(self, model: Any, view: str, raw_images: bool) -> None:
        super().__init__()
        self.model, self.view, self.raw_images = model, view, raw_images

    def forward(self, images: Tensor) -> Tensor:
        if self.raw_images:
            return descriptors_of(self.model, images, self.view)
        descriptors: Tensor = self.model.describe(images, self.view)
        return descriptors


def write_graph(
    file: Path, trained: TrainedModel, view: str, size: tuple[int, int], raw_images: bool = True
) -> None:
    """Write the graph of backbone, neck, head and normalisation of one view.

    Its input ``images`` is ``[n, 3, *size]`` for any n, its output ``descriptors`` is ``[n, D]``.
    Whether it computes what the network does is for ``check_same`` to tell: a network that counts
    its images in Python has a graph for one n alone.

    Args:
        file: To write.
        trained: The model.
        view: The view.
        size: Rows and columns of its images.
        raw_images: Take uint8 images and normalise them in the graph, not normalised floats.

    Raises:
        ConfigError: If the package onnx is not installed.
        ExportError: If an operation of the network has no counterpart in ONNX.
    """
    try:
        import onnx
    except ImportError:
        raise ConfigError('an export to ONNX needs onnx: pip install "geoloc[onnx]"') from None
    network = _ViewDescriber(trained.model, view, raw_images)
    network.train(False)
    images = torch.zeros(2, 3, *size, dtype=torch.uint8 if raw_images else torch.float32)
    # The exporter that every torch from 2.1 on has; 2.5 gave it a second one and a switch.
    known = inspect.signature(torch.onnx.export).parameters
    switch: dict[str, Any] = {"dynamo": False} if "dynamo" in known else {}
    try:
        with _quiet():
            torch.onnx.export(
                network,
                (images,),
                str(file),
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
                **switch,
            )
        graph = onnx.load(str(file))
        record = trained.record
        facts = {"view": view, "fingerprint": record.fingerprint, "config_hash": record.config_hash}
        onnx.helper.set_model_props(graph, facts)
        onnx.checker.check_model(graph)
        onnx.save(graph, str(file))
    except Exception as error:  # exporters raise whatever they like
        reason = " ".join(str(error).partition(". ")[0].split()) or type(error).__name__
        raise ExportError(
            f"the network of view {view!r} has no ONNX graph: {reason}; export a bundle instead"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter from printing the whole graph where it fails, which it does in C++."""
    sys.stdout.flush()
    terminal = os.dup(1)
    with open(os.devnull, "wb") as nowhere, warnings.catch_warnings():
        # Constants that tracing bakes in, and the age of the exporter: the check tells.
        warnings.simplefilter("ignore")
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(terminal, 1)
            os.close(terminal)

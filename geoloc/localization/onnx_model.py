"""Graphs in the ONNX format in place of a network."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from geoloc.errors import ConfigError

Graph = Callable[[NDArray[Any]], NDArray[np.float32]]
"""Images ``[n, 3, H, W]`` to descriptors ``[n, D]``."""

INPUT, OUTPUT = "images", "descriptors"


class OnnxModel(nn.Module):
    """Describe images with a graph per view, on the CPU.

    Args:
        graphs: ONNX file of every view.
        preprocessor: Normalises images for graphs that do not do so themselves.

    Raises:
        ConfigError: If no package that runs ONNX is installed.
    """

    def __init__(self, graphs: Mapping[str, Path], preprocessor: nn.Module | None = None) -> None:
        super().__init__()
        self._graphs = {view: open_graph(file) for view, file in graphs.items()}
        self._preprocessor = preprocessor

    def data_preprocessor(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return the batch as the graphs take it; arguments as for ``ViewPreprocessor``."""
        if self._preprocessor is None:
            return batch
        prepared: dict[str, Any] = self._preprocessor(batch, training)
        return prepared

    def describe(self, images: Tensor, view: str) -> Tensor:
        """Return the descriptors ``[n, D]`` of images ``[n, 3, H, W]`` of one view."""
        return torch.from_numpy(self._graphs[view](images.cpu().numpy()))


def open_graph(file: Path) -> Graph:
    """Open a graph with onnxruntime, or else with the slow evaluator of the package onnx.

    Raises:
        ConfigError: If neither is installed.
    """
    try:
        import onnxruntime
    except ImportError:
        return _open_reference(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what fails is raised as well
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        descriptors: NDArray[np.float32] = session.run([OUTPUT], {INPUT: images})[0]
        return descriptors

    return run


def _open_reference(file: Path) -> Graph:
    try:
        from onnx.reference import ReferenceEvaluator
    except ImportError:
        raise ConfigError(f'{file} needs onnxruntime to run: pip install "geoloc[onnx]"') from None
    evaluator: Any = ReferenceEvaluator(str(file))

    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        descriptors: NDArray[np.float32] = evaluator.run([OUTPUT], {INPUT: images})[0]
        return descriptors

    return run

"""Write bundles: with the weights, or with a graph per view."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import save

from geoloc.datasets.pipeline import ViewPipelines
from geoloc.errors import ConfigError, ExportError
from geoloc.export.model_card import CARD, model_card
from geoloc.export.numeric_check import Comparison, check_same
from geoloc.export.onnx_graph import write_graph
from geoloc.localization.model_bundle import WEIGHTS, ModelBundle, sha256_of
from geoloc.localization.trained_model import TrainedModel

OTHER_SIDE = 3072  # of a second image, which tells whether the size of the first mattered


class Exported(NamedTuple):
    """A bundle that was written, read back and compared.

    Attributes:
        bundle: As it is read.
        comparisons: With the model that was exported, by view.
    """

    bundle: ModelBundle
    comparisons: Mapping[str, Comparison]


def export_bundle(
    folder: str | Path, trained: TrainedModel, about: Mapping[str, Any] | None = None
) -> Exported:
    """Write a model as a folder that ``Localizer`` reads: safetensors, and configs as JSON.

    Args:
        folder: New or empty.
        trained: From ``load_trained_model``.
        about: Facts for people, such as those of ``model_facts``.

    Raises:
        ExportError: If the folder is not empty, or what was written does not describe images as
            the model does; nothing is left of it then.
        ConfigError: If the config holds code.
    """
    with _new_folder(Path(folder)) as part:
        weights = {
            name: value.detach().cpu().contiguous().clone()  # it has no tensors that share memory
            for name, value in trained.model.state_dict().items()
        }
        (part / WEIGHTS).write_bytes(save(weights))  # save_file makes it unreadable for others
        return _verified(part, Path(folder), trained, about)


def export_onnx(
    folder: str | Path,
    trained: TrainedModel,
    views: Sequence[str] | None = None,
    raw_images: bool = True,
    about: Mapping[str, Any] | None = None,
) -> Exported:
    """Write the graphs of some views, which take batches of any size, as a bundle.

    Args:
        folder: New or empty.
        trained: From ``load_trained_model``.
        views: To export; by default all.
        raw_images: Let the graphs take uint8 images and normalise them, not normalised floats.
        about: Facts for people, such as those of ``model_facts``.

    Raises:
        ExportError: If the folder is not empty, the network has no graph, or the graph does not
            describe batches of every size as the network does; nothing is left of it then.
        ConfigError: If a view is unknown, its images differ in size, or onnx is not installed.
    """
    pipelines = ViewPipelines(trained.pipelines)
    sizes = {view: _fixed_size(pipelines, view) for view in views or pipelines.views}
    with _new_folder(Path(folder)) as part:
        graphs = {view: f"{view}.onnx" for view in sizes}
        for view, size in sizes.items():
            write_graph(part / graphs[view], trained, view, size, raw_images)
        return _verified(part, Path(folder), trained, about, graphs, raw_images)


def _fixed_size(pipelines: ViewPipelines, view: str) -> tuple[int, int]:
    if view not in pipelines.views:
        known = ", ".join(pipelines.views)
        raise ConfigError(f"view={view!r} is not among the model's, {known}")
    size = pipelines.image_size(view)
    if pipelines.image_size(view, OTHER_SIDE) != size:
        raise ConfigError(
            f"pipelines[{view!r}] makes images of several sizes, and a graph takes one; end it "
            "with a Resize or a crop to one size"
        )
    return size


def _verified(
    part: Path,
    folder: Path,
    trained: TrainedModel,
    about: Mapping[str, Any] | None,
    graphs: Mapping[str, str] | None = None,
    raw_images: bool = True,
) -> Exported:
    """Describe what is in ``part``, read it back as anyone would, and compare it with the model."""
    graphs = graphs or {}
    files = {name: sha256_of(part / name) for name in graphs.values() or [WEIGHTS]}
    model, pipelines, config = trained
    ModelBundle(
        part, config, pipelines, trained.record, files, graphs, raw_images, about or {}
    ).write()
    bundle = ModelBundle.read(part)
    copy = bundle.trained_model()
    sizes = ViewPipelines(copy.pipelines)
    comparisons = {
        view: check_same(model, copy.model, view, sizes.image_size(view)) for view in sizes.views
    }
    card = model_card(bundle, folder.name, comparisons)
    (part / CARD).write_text(card, encoding="utf-8")
    return Exported(replace(bundle, folder=folder), comparisons)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its place when the block ends well; else nothing stays."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ExportError(f"{folder} exists and is not empty; name a new folder")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        os.replace(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise

"""A bundle: a trained model in one folder, without pickles and without code.

::

    bundle.json         how model and test pipelines are built, and the checksums of
    model.safetensors   the weights; or
    <view>.onnx         the graph of a view, for every view that was exported
    README.md           the same for people

Nothing in it is executed: types are looked up by their registered names, and weights are arrays.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

import geoloc
from geoloc.config_json import check_types, decode, encode
from geoloc.datasets.pipeline import PipelineConfigs
from geoloc.engine.checkpoint import check_weights_fit
from geoloc.engine.weights_fingerprint import weights_fingerprint
from geoloc.errors import CheckpointError
from geoloc.inner_paths import is_file_name
from geoloc.json_files import read_json_file
from geoloc.localization.checked_file import CHUNK
from geoloc.localization.gallery_manifest import ModelRecord
from geoloc.localization.onnx_model import OnnxModel
from geoloc.localization.trained_model import TrainedModel, hash_of
from geoloc.registry import MODELS
from geoloc.whole_files import write_json

FILE = "bundle.json"
WEIGHTS = "model.safetensors"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ModelBundle:
    """The content of ``bundle.json``, and where it lies.

    Attributes:
        folder: Of the bundle.
        model: Config of the model, without what training alone needs.
        pipelines: For every view the transforms of a test image.
        record: What galleries know the model by.
        files: SHA-256 of the files that hold the weights, by their names.
        graphs: ONNX files by view; empty if the weights are safetensors.
        raw_images: Whether graphs take uint8 images and normalise them.
        about: Facts for people: name, licence, what it was trained on, results.
        geoloc_version: Of the package that wrote it.
    """

    folder: Path
    model: Mapping[str, Any]
    pipelines: PipelineConfigs
    record: ModelRecord
    files: Mapping[str, str]
    graphs: Mapping[str, str] = field(default_factory=dict)
    raw_images: bool = True
    about: Mapping[str, Any] = field(default_factory=dict)
    geoloc_version: str = geoloc.__version__

    def write(self) -> None:
        """Write ``bundle.json``.

        Raises:
            ConfigError: If the configs hold code.
        """
        content = {
            "format_version": FORMAT_VERSION,
            "geoloc_version": self.geoloc_version,
            "about": self.about,
            "record": {k: v for k, v in asdict(self.record).items() if k != "view"},
            "model": encode(self.model, "model"),
            "pipelines": encode(self.pipelines, "pipelines"),
            "files": self.files,
            "graphs": self.graphs,
            "raw_images": self.raw_images,
        }
        write_json(self.folder / FILE, content)

    @classmethod
    def read(cls, folder: str | Path) -> "ModelBundle":
        """Read ``bundle.json`` and check that the bundle is as it was written.

        Raises:
            CheckpointError: If the folder holds no bundle, one of another version of the format, or
                one that was altered; the message names the file.
        """
        file = Path(folder) / FILE
        if not file.is_file():
            raise CheckpointError(
                f"{folder} is no bundle: it has no {FILE}; write one with geoloc export"
            )
        try:
            content = read_json_file(file)
            version = content["format_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{file} is damaged ({error!r}); copy it again") from error
        if version != FORMAT_VERSION:
            raise CheckpointError(
                f"{file} has format version {version!r}, this geoloc reads {FORMAT_VERSION}; "
                "update geoloc, or export the model again"
            )
        try:
            bundle = cls(
                folder=Path(folder),
                model=decode(content["model"]),
                pipelines=decode(content["pipelines"]),
                record=ModelRecord(**content["record"]),
                files=dict(content["files"]),
                graphs=dict(content["graphs"]),
                raw_images=bool(content["raw_images"]),
                about=dict(content["about"]),
                geoloc_version=str(content["geoloc_version"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{file} is damaged ({error!r}); copy it again") from error
        bundle._check()
        return bundle

    def _check(self) -> None:
        weights = {*self.graphs.values()} or {WEIGHTS}
        if weights != self.files.keys() or not self.graphs.keys() <= self.pipelines.keys():
            raise CheckpointError(f"{self.folder / FILE} is damaged: its files are not its graphs'")
        if hash_of(self.model, self.pipelines) != self.record.config_hash:
            raise _altered(self.folder / FILE)
        for name, checksum in self.files.items():
            file = self.folder / name
            if not is_file_name(name):
                raise CheckpointError(
                    f"{self.folder / FILE} names the file {name!r}, which is not in the bundle's "
                    "folder; take the bundle from its source again"
                )
            if not file.is_file():
                raise CheckpointError(f"{file} is missing; copy it there or export the model again")
            if sha256_of(file) != checksum:
                raise _altered(file)

    def trained_model(self) -> TrainedModel:
        """Build the network with its weights, or open the graphs in its place.

        Raises:
            CheckpointError: If the weights are not those of the model.
            ConfigError: If a package that it needs is not installed.
            UnknownTypeError: If a part or a transform is not registered.
        """
        check_types(self.pipelines, f"{self.folder / FILE}: pipelines")
        check_types(self.model, f"{self.folder / FILE}: model")
        if self.graphs:
            graphs = {view: self.folder / name for view, name in self.graphs.items()}
            preprocessor = self.model.get("data_preprocessor") or {"type": "ViewPreprocessor"}
            model = OnnxModel(graphs, None if self.raw_images else MODELS.build(dict(preprocessor)))
            pipelines = {view: self.pipelines[view] for view in self.graphs}
            return TrainedModel(model, pipelines, self.model)
        network = MODELS.build(dict(self.model))
        file = self.folder / WEIGHTS
        try:
            weights = load_file(file)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{file} holds no safetensors ({error}); copy it again"
            ) from error
        check_weights_fit(network, weights)
        network.load_state_dict(weights)
        if weights_fingerprint(network) != self.record.fingerprint:
            raise _altered(file)
        return TrainedModel(network, self.pipelines, self.model)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file, 64 hex digits."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _altered(file: Path) -> CheckpointError:
    return CheckpointError(
        f"{file} is not as it was written: its checksum is another; copy the bundle again or "
        "export the model again"
    )

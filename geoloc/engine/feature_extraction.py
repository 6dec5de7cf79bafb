"""Extract image features once, so that later trainings need no images."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from geoloc.array_files import read_array
from geoloc.datasets.collate import collate_photos
from geoloc.datasets.photo_dataset import PhotoDataset
from geoloc.engine.weights_fingerprint import weights_fingerprint
from geoloc.errors import DatasetError
from geoloc.models.geoclip import GeoCLIP
from geoloc.registry import MODELS
from geoloc.whole_files import write_json

PROGRESS = "progress.json"
BATCHES_PER_SAVE = 50
NOT_NEEDED = {"gallery": None, "queue": None, "noise": None, "loss": None}


def build_extractor(config: Mapping[str, Any]) -> GeoCLIP:
    """Return a GeoCLIP for its image features alone, with its start weights."""
    model: GeoCLIP = MODELS.build({**config, **NOT_NEEDED})
    model.init_weights()
    return model


def extract_features(
    model: GeoCLIP,
    dataset: PhotoDataset,
    out: Path,
    batch_size: int = 64,
    num_workers: int = 0,
    dtype: str = "float32",
) -> None:
    """Write the features of all photos, going on where an interrupted call stopped.

    Args:
        model: Its backbone and neck make the features, on its device.
        dataset: The photos.
        out: An ``.npz`` file, or a folder of memory-mapped arrays; see
            :func:`geoloc.datasets.feature_file.read_features`.
        batch_size: Photos at once.
        num_workers: Processes that load them.
        dtype: ``float32``, or ``float16`` for half the size.

    Raises:
        DatasetError: If what is there belongs to other photos, weights or another ``dtype``.
    """
    folder = out.with_suffix(".parts") if out.suffix == ".npz" else out
    identity = {
        "photos": len(dataset),
        "fingerprint": dataset.fingerprint,
        "weights": weights_fingerprint(nn.ModuleList([model.backbone, model.neck])),
        "dtype": dtype,
    }
    filenames, coordinates = dataset.index.path, dataset.coordinates.numpy()
    done = _done(folder, identity)
    if done < len(dataset):
        folder.mkdir(parents=True, exist_ok=True)
        if folder == out:
            np.save(folder / "filenames.npy", filenames)
            np.save(folder / "coordinates.npy", coordinates)
        _extract(model, dataset, folder, done, identity, batch_size, num_workers)
    if folder == out:
        return
    embeddings = read_array(folder / "embeddings.npy", mmap_mode="r")
    with open(out, "wb") as stream:
        np.savez(stream, filenames=filenames, embeddings=embeddings, coordinates=coordinates)
    shutil.rmtree(folder)


def _done(folder: Path, identity: dict[str, Any]) -> int:
    """Return how many photos an earlier call has finished."""
    file = folder / PROGRESS
    if not file.is_file():
        return 0
    progress = json.loads(file.read_text())
    done = int(progress.pop("done"))
    if progress != identity:
        raise DatasetError(
            f"{folder} holds features of {progress}, not of {identity}; delete it or name another "
            "place"
        )
    return done


@torch.no_grad()
def _extract(
    model: GeoCLIP,
    dataset: PhotoDataset,
    folder: Path,
    done: int,
    identity: dict[str, Any],
    batch_size: int,
    num_workers: int,
) -> None:
    rest = Subset(dataset, range(done, len(dataset)))
    loader = DataLoader(rest, batch_size, num_workers=num_workers, collate_fn=collate_photos)
    table: np.memmap[Any, Any] | None = None
    model.eval()
    for number, batch in enumerate(loader, start=1):
        inputs = model.data_preprocessor(batch)["inputs"]
        features = model.features(inputs).float().cpu().numpy()
        if table is None:
            table = _table(folder, done, (len(dataset), features.shape[1]), identity["dtype"])
        table[done : done + len(features)] = features
        done += len(features)
        if number % BATCHES_PER_SAVE == 0 or done == len(dataset):
            table.flush()  # before the number that vouches for it
            write_json(folder / PROGRESS, {"done": done, **identity})


def _table(folder: Path, done: int, shape: tuple[int, int], dtype: str) -> Any:
    file = folder / "embeddings.npy"
    if done:
        return np.lib.format.open_memmap(file, mode="r+")
    return np.lib.format.open_memmap(file, mode="w+", dtype=np.dtype(dtype), shape=shape)

"""A small network and real pairs for the tests of miners."""

import pytest
import torch
from torch import nn

from geoloc.datasets import DACampus, PairDataset, collate_views
from geoloc.datasets.place_levels import place_levels
from geoloc.models import CrossViewRetriever
from geoloc.models.miners import GlobalBatch
from geoloc.registry import BACKBONES, MODELS

VIEWS = ("drone", "satellite")
RANDOM = [
    {"type": "LoadImage"},
    {"type": "mmpretrain.RandomResizedCrop", "scale": 16},
    {"type": "mmpretrain.PackInputs"},
]


@BACKBONES.register_module()
class TinyBackbone(nn.Sequential):
    """One convolution with BatchNorm."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 8, 5, stride=3), nn.BatchNorm2d(8), nn.ReLU())


@pytest.fixture
def dataset(da_campus) -> PairDataset:
    """Return 36 pairs of 12 places; places of the two campuses are far from each other."""
    source = DACampus(da_campus, counts=None)
    return PairDataset(source, pipelines=dict.fromkeys(VIEWS, RANDOM))


def build_model(
    dataset: PairDataset | None = None, similarity: dict | None = None, **miner: object
) -> CrossViewRetriever:
    """Return a training model in float64; with options, with a DOCB miner that mines always."""
    torch.manual_seed(0)
    options = {"type": "DOCB", "start_epoch": 0, **miner}
    options = {name: value for name, value in options.items() if value is not None}
    model = MODELS.build(
        {
            "type": "CrossViewRetriever",
            "backbone": {"type": "TinyBackbone"},
            "neck": {"type": "mmpretrain.GlobalAveragePooling"},
            "head": {"type": "ProjectionHead", "in_dims": 8, "embed_dims": 6, "norm": False},
            "losses": {"infonce": {"type": "InfoNCELoss"}},
            "similarity": similarity,
            "miner": options if dataset is not None else None,
        }
    ).double()
    if dataset is not None:
        model.miner.set_dataset(dataset)
        model.set_place_levels(place_levels(dataset.index, dataset.thresholds_m))
    return model.train()


def freeze_batch_norm(model: CrossViewRetriever) -> CrossViewRetriever:
    """Let an image's descriptor depend on the image alone, as ``norm_eval=True`` does."""
    model.backbone[1].eval()
    return model


def batch_of(dataset: PairDataset, items: list[int], model: CrossViewRetriever) -> dict:
    """Return the preprocessed batch of these items."""
    return model.data_preprocessor(collate_views([dataset[item] for item in items]))


def global_batch(dataset: PairDataset, items: list[int], model: CrossViewRetriever) -> GlobalBatch:
    """Return what a miner sees of these items, without any step before it."""
    batch = batch_of(dataset, items, model)
    descriptors = {view: model.describe(batch["inputs"][view], view) for view in VIEWS}
    return GlobalBatch(descriptors, batch["places"]["drone"], batch["rows"], model.place_levels)

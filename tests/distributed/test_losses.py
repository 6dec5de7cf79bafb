"""Every loss and miner gives any number of processes the loss and gradients of one.

The convention that makes it so: every process computes the loss of the global batch from gathered
rows (``gather_rows``), whose gradient is that of its own rows times the number W of processes.
DistributedDataParallel averages over the processes; the factor turns the mean of the parts into
their sum. What belongs to a loss itself (proxies, a temperature) gets the whole gradient on every
process, and the mean leaves it alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.dist import get_dist_info
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from geoloc.datasets import DACampus, PairDataset, collate_views
from geoloc.datasets.place_levels import LabelTreeLevels, place_levels
from geoloc.geo.semivariogram import Curve, Empirical, Semivariogram
from geoloc.models import CrossViewRetriever
from geoloc.models.losses import SemivariogramInfoNCELoss
from geoloc.models.named_losses import is_pair_loss
from geoloc.registry import BACKBONES, LOSSES, MINERS, MODELS, Registry
from tests.conftest import write_da_campus

from .processes import WORLD_SIZES, in_groups

PLACES, BATCH, STEPS, DIMS = 12, 8, 3, 6
PROXIES = {"num_places": PLACES, "embed_dims": DIMS}
PROXY_LOSS = {"type": "NormalizedSoftmaxLoss", **PROXIES}

# Every registered loss, in every form whose computation differs.
LOSS_CASES: dict[str, list[dict[str, Any]]] = {
    "CSLLoss": [PROXIES],
    "ContrastiveLoss": [{}, {"distance": "cosine", "reduction": "nonzero"}],
    "CosineContrastiveLoss": [{}],
    "DistanceWeightedTripletLoss": [{"embed_dims": DIMS, "margin": 0.5}],
    "DyCLLoss": [{}, {"normalize": "batch"}],
    "HAPLoss": [{"tau": 0.1}, {"tau": 0.1, "with_hrank": True}],
    "HERLoss": [{}],
    "InfoNCELoss": [{}, {"learnable": True, "label_smoothing": 0.1}],
    "InstanceLoss": [PROXIES],
    "MultiScaleClassLoss": [{"loss": PROXY_LOSS, "coarser_classes": (2,)}],
    "MultiScaleLoss": [{"loss": {"type": "TripletLoss", "margin": 0.3}}],
    "MultiSimilarityLoss": [{}, {"epsilon": 0.1}],
    "NormalizedSoftmaxLoss": [PROXIES],
    "PMLLoss": [
        {"loss": {"type": "TripletMarginLoss"}, "levels": (3, 1)},
        {"loss": {"type": "MultiSimilarityLoss"}, "miner": {"type": "MultiSimilarityMiner"}},
        {"loss": {"type": "TripletMarginLoss"}, "miner": {"type": "DistanceWeightedMiner"}},
    ],
    "ProxyNCALoss": [PROXIES],
    "SEHLoss": [{}],
    "SemivariogramInfoNCELoss": [
        {"mode": mode, "learnable": True, "refit": {"binning": "log"}}
        for mode in ("additive_log", "hcl_beta", "mask_fn", "soft_label")
    ],
    "SoftMarginTripletLoss": [{}, {"hardest": 2}],
    "TripletLoss": [{"margin": 0.3}, {"margin": 0.3, "triplets": "semihard"}],
}
MINER_CASES: dict[str, list[dict[str, Any]]] = {
    "DOCB": [{"start_epoch": 0}, {"start_epoch": 0, "reload": False}],
    "GlobalMining": [{}],
    "XBM": [
        {"loss": {"type": "CosineContrastiveLoss"}, "start_iteration": 0, "memory_size": 12},
        {"loss": {"type": "InfoNCELoss"}, "start_iteration": 0, "memory_size": 16, "official": 1},
    ],
}
CASES = {
    f"{kind} {number}": (role, {"type": kind, **options})
    for role, of_role in (("losses", LOSS_CASES), ("miner", MINER_CASES))
    for kind, cases in of_role.items()
    for number, options in enumerate(cases)
}
CHUNKED = "NormalizedSoftmaxLoss 0"


@BACKBONES.register_module()
class Pixels(nn.Linear):
    """A linear network, whose descriptor of an image depends on no other image."""

    def __init__(self) -> None:
        super().__init__(3 * 8 * 8, DIMS)

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.flatten(1))


class Tree(LabelTreeLevels):
    """Places under two classes, for the losses of label trees."""

    def __init__(self) -> None:
        labels = torch.arange(PLACES)
        super().__init__(torch.stack([labels, labels % 2], dim=1))


def build(
    role: str, config: Mapping[str, Any], dataset: PairDataset, views: tuple[str, ...]
) -> CrossViewRetriever:
    torch.manual_seed(0)
    part = {"losses": {"loss": config}} if role == "losses" else {"miner": config}
    model: CrossViewRetriever = MODELS.build(
        {
            "type": "CrossViewRetriever",
            "backbone": {"type": "Pixels"},
            "neck": {"type": "NoPooling"},
            "head": {"type": "NormalizeHead"},
            "views": views,
            **part,
        }
    ).double()
    levels = place_levels(dataset.index, dataset.thresholds_m)
    model.set_place_levels(Tree() if config["type"] == "MultiScaleClassLoss" else levels)
    for loss in model.losses.values():
        if isinstance(loss, SemivariogramInfoNCELoss):
            loss.take(semivariogram(), "the test")
            loss.collect()
    if model.miner is not None:
        model.miner.set_dataset(dataset)
    return model.train()


def semivariogram() -> Semivariogram:
    """Return a usable fit on the scale of the dataset, kilometres."""
    curve = Curve("stable", 0.1, 0.3, 0.3, 1.0)
    lag = torch.linspace(0.05, 12, 8, dtype=torch.float64)
    points = Empirical(
        torch.linspace(0, 13, 9, dtype=torch.float64),
        lag,
        curve.gamma(lag),
        torch.full_like(lag, 0.1),
        torch.full_like(lag, 100),
    )
    return Semivariogram(points, torch.ones(8, dtype=torch.bool), "ok", curve, 1.0, 0.9)


def small_dataset(folder: Path) -> PairDataset:
    pipeline = [
        {"type": "LoadImage"},
        {"type": "mmpretrain.Resize", "scale": 8},
        {"type": "mmpretrain.PackInputs"},
    ]
    source = DACampus(folder / "data", counts=None)
    return PairDataset(source, pipelines=dict.fromkeys(("drone", "satellite"), pipeline))


def train_every_case(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what every case gave in every step on this process."""
    dataset = small_dataset(folder)
    found = {}
    for name, (role, config) in CASES.items():
        found[name] = train(build(role, config, dataset, ("drone", "satellite")), dataset)
        if role == "losses" and is_pair_loss(LOSSES.build(dict(config))):
            found[f"{name}, one view"] = train(build(role, config, dataset, ("drone",)), dataset)
    model = build(*CASES[CHUNKED], dataset, ("drone", "satellite"))
    model.chunk_size = 1
    found["in chunks"] = train(model, dataset)
    return found


def train(model: CrossViewRetriever, dataset: PairDataset) -> list[dict[str, Any]]:
    rank, size = get_dist_info()
    parallel = DistributedDataParallel(model, broadcast_buffers=False)
    embeddings: list[Tensor] = []

    def keep(head: nn.Module, inputs: object, output: Tensor) -> None:
        output.retain_grad()
        embeddings.append(output)

    model.head.register_forward_hook(keep)
    torch.manual_seed(rank)  # as EpochSeedHook does
    steps = []
    for step in range(STEPS):
        items = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(step))[:BATCH]
        own = items[rank * BATCH // size : (rank + 1) * BATCH // size].tolist()
        batch = model.data_preprocessor(collate_views([dataset[item] for item in own]))
        batch = {
            key: {view: part[view] for view in model.views} if isinstance(part, dict) else part
            for key, part in batch.items()
        }
        batch["inputs"] = {view: images.double() for view, images in batch["inputs"].items()}
        parallel.zero_grad()
        embeddings.clear()
        losses = parallel(**batch, mode="loss")
        loss = torch.stack(list(losses.values())).sum()
        if loss.requires_grad:  # a miner has none before it begins
            loss.backward()
        of_batch = [rows.grad for rows in embeddings[: len(model.views)]]
        steps.append(
            {
                "loss": loss.detach(),
                "descriptors": [None if grad is None else grad / size for grad in of_batch],
                "parameters": {name: part.grad for name, part in model.named_parameters()},
                "memory": {
                    name: part
                    for name, part in model.named_buffers()
                    if name.startswith("miner.") and part.numel()
                },
            }
        )
    return steps


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Any]]:
    pytest.importorskip("pytorch_metric_learning")
    folder = tmp_path_factory.mktemp("losses")
    write_da_campus(folder / "data")
    return in_groups(train_every_case, folder)


def registered(registry: Registry) -> set[str]:
    """Return the names of geoloc's own parts, without those that other tests register."""
    registry.import_from_location()
    return {
        name for name, part in registry.module_dict.items() if part.__module__.startswith("geoloc.")
    }


@pytest.mark.parametrize(
    ("registry", "cases"), [(LOSSES, LOSS_CASES), (MINERS, MINER_CASES)], ids=["losses", "miners"]
)
def test_nothing_registered_lacks_a_case(registry: Registry, cases: dict[str, Any]) -> None:
    missing = sorted(registered(registry) - set(cases))
    assert not missing, (
        f"add the options of {', '.join(missing)} to LOSS_CASES or MINER_CASES of {__name__}: no "
        "test tells that several processes compute the same as one"
    )


@pytest.mark.parametrize("processes", WORLD_SIZES[1:])
@pytest.mark.parametrize("case", CASES)
def test_any_number_of_processes_computes_the_same(
    found: dict[int, list[Any]], case: str, processes: int
) -> None:
    for name in (case, f"{case}, one view"):
        if name not in found[1][0]:
            continue
        for step, alone in enumerate(found[1][0][name]):
            ranks = [rank[name][step] for rank in found[processes]]
            assert torch.isfinite(alone["loss"])
            for rank in ranks:
                close(rank["loss"], alone["loss"], name)
                close(rank["parameters"], alone["parameters"], name)
                close(rank["memory"], alone["memory"], name)
            for view, grad in enumerate(alone["descriptors"]):
                parts = [rank["descriptors"][view] for rank in ranks]
                close(None if grad is None else torch.cat(parts), grad, name)


@pytest.mark.parametrize("processes", WORLD_SIZES)
def test_chunks_on_several_processes_are_the_batch_of_one(
    found: dict[int, list[Any]], processes: int
) -> None:
    for step, alone in enumerate(found[1][0][CHUNKED]):
        for rank in found[processes]:
            for key in ("loss", "parameters"):
                close(rank["in chunks"][step][key], alone[key], key)


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_something_to_compare(found: dict[int, list[Any]], case: str) -> None:
    last = found[1][0][case][-1]
    if case.startswith("GlobalMining"):
        assert len(last["memory"]["miner.memory.views.drone.rows"]) > BATCH
        return
    assert last["loss"] > 0
    for grad in [*last["descriptors"], *last["parameters"].values()]:
        assert grad.abs().max() > 1e-6


def close(found: Any, expected: Any, name: str) -> None:
    torch.testing.assert_close(
        found, expected, rtol=1e-9, atol=1e-11, msg=lambda text: f"{name}: {text}"
    )

"""GeoCLIP as a model: the official step, processes, resuming, prediction."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.multiprocessing import spawn

from geoloc.engine.pretrained import load_weights
from geoloc.engine.weight_conversion import convert_geoclip
from geoloc.errors import ConfigError
from geoloc.models.geoclip import GeoCLIP
from geoloc.models.gps_contrast import Contrast
from geoloc.registry import LOSSES, MODELS


@LOSSES.register_module(force=True)
class RecordedLoss(nn.Module):
    """Plain cross-entropy that keeps what it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Contrast] = []

    def from_logits(self, logits: Tensor, **pairs: Any) -> Tensor:
        self.calls.append(Contrast(logits, **pairs))
        return F.cross_entropy(logits, pairs["positives"].int().argmax(dim=1))


def small(**options: Any) -> GeoCLIP:
    torch.manual_seed(0)
    config = {
        "type": "GeoCLIP",
        "backbone": {"type": "CachedFeatures"},
        "head": {"type": "PerceptronHead", "in_dims": 6, "hidden_dims": 8, "embed_dims": 5},
        "location_encoder": {
            "type": "LocationEncoder",
            "sigmas": (1.0, 4.0),
            "num_frequencies": 4,
            "hidden_dims": 8,
            "embed_dims": 5,
        },
    }
    model: GeoCLIP = MODELS.build({**config, **options})
    return model


def batch(step: int, size: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    features = torch.randn(size, 6, generator=generator)
    latlon = torch.rand(size, 2, generator=generator, dtype=torch.float64) * 160 - 80
    return features, latlon


def test_the_official_training_steps(golden) -> None:
    vectors = {name: torch.from_numpy(value) for name, value in golden("gg_geoclip_step").items()}
    official = {k.removeprefix("sd."): v for k, v in vectors.items() if k.startswith("sd.")}
    hidden, width = official["image_encoder.mlp.0.weight"].shape
    queue0 = vectors["queue0"]
    encoder = {"type": "LocationEncoder", "num_frequencies": 6, "hidden_dims": 10}
    model = small(
        head={"type": "PerceptronHead", "in_dims": width, "hidden_dims": hidden},
        location_encoder=encoder,
        queue={"type": "GpsQueue", "size": len(queue0), "official_init": True},
    )
    official |= {"gps_queue": queue0.T, "gps_queue_ptr": torch.zeros(1, dtype=torch.int64)}
    converted = convert_geoclip(official, "official")
    _, missing = load_weights(model, converted, "official")
    assert not missing
    unfit = model.load_state_dict(converted, strict=False)  # with the queue, as to resume
    assert not unfit.unexpected_keys
    torch.testing.assert_close(model.queue.degrees.float(), queue0, rtol=0, atol=0)

    images, gps = vectors["images"], vectors["gps"]
    locations = model._locations(gps[0].double(), queue0.double())
    logits = model.scale() * model.embed(images[0]) @ locations.T
    torch.testing.assert_close(logits, vectors["forward_logits0"], rtol=0, atol=5e-5)

    optimizer = torch.optim.Adam(
        model.parameters(), lr=float(vectors["lr"]), weight_decay=float(vectors["weight_decay"])
    )
    for step, expected in enumerate(vectors["losses"].tolist()):
        losses = model(images[step], gps[step], mode="loss")
        optimizer.zero_grad()
        losses["loss_contrastive"].backward()
        optimizer.step()
        assert losses["loss_contrastive"].item() == pytest.approx(expected, abs=1e-4)
        assert torch.equal(model.queue.degrees.float(), vectors["queue_after"][step])
        assert int(model.queue.pointer) == int(vectors["ptr_after"][step])


def test_a_batch_is_not_among_its_own_queued_negatives() -> None:
    model = small(queue={"type": "GpsQueue", "size": 8}, loss={"type": "RecordedLoss"})
    for step in range(4):
        model.loss(*batch(step))
    calls = model.losses["contrastive"].calls
    assert [int(torch.isfinite(call.logits).sum(dim=1)[0]) for call in calls] == [4, 8, 12, 12]
    for step, call in enumerate(calls):
        assert call.logits.shape == (4, 12)
        torch.testing.assert_close(call.positives, torch.eye(4, 12).bool())
        assert call.ground_distance_km[:, :4].diagonal().tolist() == [0] * 4
        assert (call.ground_distance_km[:, 4:] > 0).all(), step
        assert torch.equal(call.known, torch.isfinite(call.logits))


def test_a_loss_gets_clean_distances_and_raw_features() -> None:
    noise = {"type": "GpsNoise", "batch_m": 1e5, "queue_m": 1e6}
    options = {"queue": {"type": "GpsQueue", "size": 4}, "loss": {"type": "RecordedLoss"}}
    clean, noised = small(**options), small(noise=noise, **options)
    for step in range(2):
        for model in (clean, noised):
            model.loss(*batch(step))
    first, second = (model.losses["contrastive"].calls[-1] for model in (clean, noised))
    assert not torch.allclose(first.logits, second.logits)
    assert torch.equal(first.ground_distance_km, second.ground_distance_km)
    (now, _), (before, _) = batch(1), batch(0)
    cosines = F.cosine_similarity(now[:, None], torch.cat([now, before])[None], dim=2)
    torch.testing.assert_close(second.feature_distance, 1 - cosines)
    assert not second.feature_distance.requires_grad
    assert second.known.all()


def test_both_directions() -> None:
    one, both = small(), small(symmetric=True, loss={"type": "RecordedLoss"})
    features, latlon = batch(0)
    logits = one.scale() * one(features) @ one._locations(latlon, latlon[:0]).T
    target = torch.arange(4)
    expected = F.cross_entropy(logits, target)
    torch.testing.assert_close(one.loss(features, latlon)["loss_contrastive"], expected)
    expected = (expected + F.cross_entropy(logits.T, target)) / 2
    torch.testing.assert_close(both.loss(features, latlon)["loss_contrastive"], expected)
    there, back = both.losses["contrastive"].calls
    assert torch.equal(there.ground_distance_km.T, back.ground_distance_km)
    assert there.known is None


def test_resumed_training_repeats_the_uninterrupted_one() -> None:
    options = {
        "queue": {"type": "GpsQueue", "size": 12},
        "noise": {"type": "GpsNoise"},
        "loss": {"type": "RecordedLoss"},
    }
    model = small(**options)
    for step in range(2):
        model.loss(*batch(step))
    torch.manual_seed(77)
    resumed = MODELS.build({"type": GeoCLIP, **_parts(), **options})
    resumed.load_state_dict(model.state_dict())
    for step in range(2, 6):
        here, there = (each.loss(*batch(step))["loss_contrastive"] for each in (model, resumed))
        assert torch.equal(here, there)
    assert torch.equal(model.queue.features, resumed.queue.features)


def _parts() -> dict[str, Any]:
    model = {"in_dims": 6, "hidden_dims": 8, "embed_dims": 5}
    encoder = {"sigmas": (1.0, 4.0), "num_frequencies": 4, "hidden_dims": 8, "embed_dims": 5}
    return {
        "backbone": {"type": "CachedFeatures"},
        "head": {"type": "PerceptronHead", **model},
        "location_encoder": {"type": "LocationEncoder", **encoder},
    }


def step_of_processes(rank: int, processes: int, folder: Path) -> None:
    """Train three steps as one of several processes and save what came of it."""
    if processes > 1:
        store = dist.FileStore(str(folder / f"store{processes}"), processes)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=processes)
    model: nn.Module = small(
        queue={"type": "GpsQueue", "size": 16},
        noise={"type": "GpsNoise"},
        loss={"type": "RecordedLoss"},
        symmetric=True,
    )
    torch.manual_seed(rank)  # as after the first epoch's start
    inner = model
    if processes > 1:
        model = nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)
    values = []
    for step in range(3):
        features, latlon = batch(step, size=8)
        own = slice(rank * 8 // processes, (rank + 1) * 8 // processes)
        model.zero_grad()
        loss = model(features[own], latlon[own], mode="loss")["loss_contrastive"]
        loss.backward()
        values.append(loss.item())
    gradients = {name: part.grad for name, part in inner.named_parameters()}
    buffers = dict(inner.named_buffers())
    torch.save((values, gradients, buffers), folder / f"{processes}_{rank}.pth")
    if processes > 1:
        dist.destroy_process_group()


def test_two_processes_compute_the_loss_and_gradient_of_one(tmp_path: Path) -> None:
    step_of_processes(0, 1, tmp_path)
    spawn(step_of_processes, (2, tmp_path), nprocs=2)
    one = torch.load(tmp_path / "1_0.pth")
    for rank in range(2):
        losses, gradients, buffers = torch.load(tmp_path / f"2_{rank}.pth")
        assert losses == pytest.approx(one[0], rel=1e-6)
        torch.testing.assert_close(gradients, one[1], rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(buffers, one[2], rtol=0, atol=0)


def test_prediction_is_the_softmax_over_the_gallery() -> None:
    model = small(gallery={"type": "FibonacciGallery", "size": 50}, top_k=3).eval()
    features, _ = batch(0)
    with torch.no_grad():
        (found,) = model(features, rows=torch.arange(4), mode="predict")
        locations = F.normalize(model.location_encoder(model.gallery.coordinates), dim=1)
        expected = (model.scale() * model(features) @ locations.T).softmax(dim=1).topk(3)
    assert found["rows"].tolist() == [0, 1, 2, 3]
    assert found["coordinates"].shape == (4, 3, 2)
    assert found["coordinates"].dtype == torch.float64
    torch.testing.assert_close(found["probabilities"], expected.values)
    assert torch.equal(found["coordinates"], model.gallery.coordinates[expected.indices])


def test_the_gallery_is_encoded_anew_after_a_training_step() -> None:
    model = small(gallery={"type": "FibonacciGallery", "size": 50}, queue=None)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model.gallery.embeddings(model.location_encoder)
    assert model.gallery.embeddings(model.location_encoder) is before
    model.loss(*batch(0))["loss_contrastive"].backward()
    optimizer.step()
    after = model.gallery.embeddings(model.location_encoder)
    assert not torch.equal(before, after)
    model.load_state_dict({name: torch.zeros_like(v) for name, v in model.state_dict().items()})
    assert not torch.equal(model.gallery.embeddings(model.location_encoder), after)


def test_a_frozen_backbone_gets_no_gradient_and_stays_in_evaluation_mode() -> None:
    backbone = {"type": "mmpretrain.ResNet", "depth": 18, "stem_channels": 8, "base_channels": 8}
    neck = {"type": "mmpretrain.GlobalAveragePooling"}
    head = {"type": "PerceptronHead", "in_dims": 64, "hidden_dims": 8, "embed_dims": 5}
    images, latlon = torch.randn(4, 3, 32, 32), batch(0)[1]
    for frozen in (True, False):
        model = small(backbone=backbone, neck=neck, head=head, frozen_backbone=frozen).train()
        statistics = model.backbone.bn1.running_mean.clone()
        model.loss(images, latlon)["loss_contrastive"].backward()
        assert (model.backbone.conv1.weight.grad is None) is frozen
        assert torch.equal(model.backbone.bn1.running_mean, statistics) is frozen
        assert model.head.mlp[0].weight.grad is not None
    with pytest.raises(ConfigError, match=r"model.neck=dict\(type='mmpretrain.GlobalAverage"):
        small(backbone=backbone, head=head).features(images)


def test_scale_starts_and_stays_where_told() -> None:
    model = small()
    assert model.logit_scale.item() == pytest.approx(math.log(1 / 0.07))
    limited = small(max_scale=100.0)
    nn.init.constant_(limited.logit_scale, 6.0)
    nn.init.constant_(model.logit_scale, 6.0)
    assert limited.scale().item() == pytest.approx(100)
    assert model.scale().item() == pytest.approx(math.exp(6))


def test_half_precision_keeps_logits_whole() -> None:
    model = small()
    features, latlon = batch(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(features).dtype == torch.float32
        loss = model.loss(features, latlon)["loss_contrastive"]
    assert loss.dtype == torch.float32
    assert np.isfinite(float(loss))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, r"model.temperature=0.0 must be positive"),
        ({"max_scale": 10.0}, r"at most max_scale=10.0"),
        ({"loss": {"type": "InfoNCELoss"}}, r"InfoNCELoss has no method from_logits"),
        ({"head": {"type": "PerceptronHead"}}, r"embed_dims=512 differs from .*embed_dims=5"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(**options)


def test_a_prediction_needs_a_gallery_of_enough_positions() -> None:
    with pytest.raises(ConfigError, match=r"model.gallery is None"):
        small()(batch(0)[0], mode="predict")
    gallery = {"type": "FibonacciGallery", "size": 3}
    with pytest.raises(ConfigError, match=r"top_k=5 must be from 1 to the 3 positions"):
        small(gallery=gallery)(batch(0)[0], mode="predict")

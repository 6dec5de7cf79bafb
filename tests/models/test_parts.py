"""Models that describe an image in parts, from the backbone to losses and descriptors."""

import torch

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.registry import MODELS

PLACES, PARTS = 5, 4


def lpn(**arguments):
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "CrossViewRetriever",
            "backbone": {"type": "mmpretrain.ResNet", "depth": 18, "strides": (1, 2, 2, 1)},
            "neck": {"type": "SquareRingPartition", "num_parts": PARTS},
            "head": {
                "type": "BottleneckHead",
                "in_dims": 512,
                "embed_dims": 16,
                "num_parts": PARTS,
            },
            "losses": {
                "instance": {
                    "type": "InstanceLoss",
                    "num_places": PLACES,
                    "embed_dims": 16,
                    "num_parts": PARTS,
                    "weight": 2.0,
                },
                "infonce": {"type": "InfoNCELoss", "label_smoothing": 0.1},
            },
            **arguments,
        }
    )
    model.set_place_levels(DistanceLevels(3 * torch.eye(PLACES, dtype=torch.int8), 3))
    return model


def batch():
    generator = torch.Generator().manual_seed(1)
    views = ("drone", "satellite")
    return {
        "inputs": {view: torch.randn(PLACES, 3, 64, 64, generator=generator) for view in views},
        "places": {view: torch.arange(PLACES) for view in views},
        "rows": {view: torch.arange(PLACES) for view in views},
    }


def test_class_losses_see_the_parts_and_pair_losses_the_descriptors():
    model = lpn()
    losses = model(**batch(), mode="loss")
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    # Both views added, four parts each, near chance at the start: the published sum.
    assert abs(losses["loss_instance"].item() / (2 * PARTS * torch.tensor(5.0).log()) - 1) < 0.05


def test_a_descriptor_is_the_flip_sum_normalised_part_by_part():
    model = lpn(flip_test=True)
    model.eval()
    inputs = batch()["inputs"]
    with torch.no_grad():
        descriptors = model(**batch(), mode="tensor")["drone"]
        images = inputs["drone"]
        parts = model.embed(images, "drone") + model.embed(images.flip(-1), "drone")
    assert descriptors.shape == (PLACES, 16 * PARTS)
    expected = torch.zeros(PLACES, 16, PARTS)
    for part in range(PARTS):
        lengths = parts[:, :, part].norm(dim=1, keepdim=True)
        expected[:, :, part] = parts[:, :, part] / lengths / PARTS**0.5
    torch.testing.assert_close(descriptors, expected.reshape(PLACES, -1))

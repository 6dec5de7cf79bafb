"""What every class loss must do, whatever its formula."""

import pytest
import torch
import torch.nn.functional as F

from geoloc.datasets.place_levels import DistanceLevels, LabelTreeLevels
from geoloc.errors import ConfigError
from geoloc.models.losses import MultiScaleClassLoss
from geoloc.registry import LOSSES

PLACES, DIMS, PARTS = 7, 5, 3
SIZES = {"num_places": PLACES, "embed_dims": DIMS}
KINDS = ("CSLLoss", "InstanceLoss", "NormalizedSoftmaxLoss", "ProxyNCALoss")
LOSS_CONFIGS = {
    "csl": {"type": "CSLLoss", **SIZES},
    "csl_mean": {"type": "CSLLoss", "reduction": "mean", "scale": 4.0, **SIZES},
    "instance": {"type": "InstanceLoss", **SIZES},
    "instance_parts": {"type": "InstanceLoss", "num_parts": PARTS, **SIZES},
    "normalized_softmax": {"type": "NormalizedSoftmaxLoss", **SIZES},
    "proxy_nca": {"type": "ProxyNCALoss", **SIZES},
    "sum_nsm": {
        "type": "MultiScaleClassLoss",
        "loss": {"type": "NormalizedSoftmaxLoss", **SIZES},
        "coarser_classes": (3, 2),
    },
    "sum_instance_parts": {
        "type": "MultiScaleClassLoss",
        "loss": {"type": "InstanceLoss", "num_parts": PARTS, **SIZES},
        "coarser_classes": (3, 2),
    },
}
EMBEDDINGS = {
    "duplicated": torch.randn(1, DIMS, generator=torch.Generator().manual_seed(0)).expand(6, DIMS),
    "orthogonal": torch.eye(6, DIMS),
    "constant": torch.full((6, DIMS), 0.25),
    "zero": torch.zeros(6, DIMS),
    "huge": 1e4 * torch.randn(6, DIMS, generator=torch.Generator().manual_seed(1)),
}
LABELS = torch.tensor([0, 3, 3, 6, 1, 0])


def random_levels(seed=0):
    generator = torch.Generator().manual_seed(seed)
    table = torch.randint(0, 3, (PLACES, PLACES), generator=generator, dtype=torch.int8)
    table = torch.minimum(table, table.T).fill_diagonal_(3)
    table[6] = table[:, 6] = 3  # a place without negatives at any scale
    return DistanceLevels(table, highest=3)


def tree_levels():
    middle = torch.tensor([12, 12, 34, 34, 31, 31, 31])
    return LabelTreeLevels(torch.stack([torch.arange(PLACES), middle, middle // 10], dim=1))


@pytest.fixture(params=LOSS_CONFIGS)
def loss(request):
    torch.manual_seed(0)
    loss = LOSSES.build(LOSS_CONFIGS[request.param])
    if hasattr(loss, "set_place_levels"):
        has_tree = isinstance(loss, MultiScaleClassLoss)
        loss.set_place_levels(tree_levels() if has_tree else random_levels())
    return loss


def batch(loss, rows):
    """Repeat ``rows [N, D]`` for every part that the loss expects."""
    if len(loss.embedding_shape) == 1:
        return rows.clone().requires_grad_()
    return torch.stack([rows.roll(part, dims=1) for part in range(PARTS)], 2).requires_grad_()


def random_embedding(loss, rows=6):
    shape = (rows, *loss.embedding_shape)
    generator = torch.Generator().manual_seed(3)
    return F.normalize(torch.randn(shape, generator=generator).double(), dim=1).requires_grad_()


def test_the_mean_of_shares_of_the_images_is_the_loss_of_all(loss):
    loss.double()
    embedding = random_embedding(loss)
    parts = zip(embedding.split(2), LABELS.split(2), strict=True)
    shares = [loss(rows, labels).item() for rows, labels in parts]
    assert loss.averages_rows
    assert loss(embedding, LABELS).item() == pytest.approx(sum(shares) / 3, rel=1e-12)


@pytest.mark.parametrize("embedding", EMBEDDINGS)
@pytest.mark.parametrize("rows", [1, 6])
def test_degenerate_batches_give_finite_loss_and_gradients(loss, embedding, rows):
    embedding = batch(loss, EMBEDDINGS[embedding][:rows])
    value = loss(embedding, LABELS[:rows])
    value.backward()
    assert value.isfinite()
    assert value >= 0
    assert embedding.grad.isfinite().all()
    for parameter in loss.parameters():
        assert parameter.grad.isfinite().all()


def test_gradients_match_finite_differences(loss):
    embedding = random_embedding(loss)
    loss.double()
    parameters = [parameter.detach().clone().requires_grad_() for parameter in loss.parameters()]
    names = [name for name, _ in loss.named_parameters()]

    def value(embedding, *parameters):
        return torch.func.functional_call(
            loss, dict(zip(names, parameters, strict=True)), (embedding, LABELS)
        )

    assert torch.autograd.gradcheck(value, (embedding, *parameters))


def test_autocast_does_not_reduce_the_precision(loss):
    embedding = random_embedding(loss).float()
    exact = loss(embedding, LABELS)
    with torch.autocast("cpu", torch.bfloat16):
        inside = loss(embedding, LABELS)
    half = loss(embedding.bfloat16(), LABELS)
    assert inside.dtype == half.dtype == torch.float32
    assert inside.item() == exact.item()
    loss.bfloat16()
    assert loss(embedding.bfloat16(), LABELS).dtype == torch.float32


def test_the_order_of_a_batch_does_not_matter(loss):
    embedding = random_embedding(loss)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(4))
    shuffled = loss(embedding[order], LABELS[order])
    assert shuffled.item() == pytest.approx(loss(embedding, LABELS).item(), rel=1e-9)


def test_a_batch_is_the_mean_of_its_images(loss):
    embedding = random_embedding(loss)
    rows = [loss(embedding[i : i + 1], LABELS[i : i + 1]).item() for i in range(6)]
    assert loss(embedding, LABELS).item() == pytest.approx(sum(rows) / 6, rel=1e-9)


def test_gradient_descent_finds_the_places(loss):
    torch.manual_seed(5)
    features = torch.nn.Parameter(torch.randn(PLACES, *loss.embedding_shape))
    labels = torch.arange(PLACES)
    optimiser = torch.optim.Adam([features, *loss.parameters()], lr=0.05)
    first = loss(F.normalize(features, dim=1), labels).item()
    for _ in range(150):
        optimiser.zero_grad()
        last = loss(F.normalize(features, dim=1), labels)
        last.backward()
        optimiser.step()
    assert last.item() < 0.5 * first


@pytest.mark.parametrize("label", [-1, PLACES])
def test_a_label_outside_the_places_is_named(loss, label):
    with pytest.raises(ValueError, match=f"{label} is outside 0 .. 6.*num_places=7"):
        loss(random_embedding(loss, 3), torch.tensor([0, label, 2]))


def test_wrong_shapes_are_named(loss):
    expected = ", ".join(map(str, loss.embedding_shape))
    for shape, count in [((3, 9), 3), ((3, DIMS, 2), 3), ((0, *loss.embedding_shape), 0)]:
        with pytest.raises(ValueError, match=rf"embedding \[N, {expected}\]") as error:
            loss(torch.zeros(shape), torch.zeros(count, dtype=torch.int64))
        assert f"{list(shape)} and [{count}]" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "argument"),
    [
        *((kind, name) for kind in KINDS for name in ("num_places", "embed_dims")),
        ("InstanceLoss", "num_parts"),
        ("CSLLoss", "scale"),
        ("ProxyNCALoss", "scale"),
        ("NormalizedSoftmaxLoss", "temperature"),
    ],
)
def test_impossible_sizes_are_named(kind, argument):
    config = {"type": kind, **SIZES, argument: 0}
    with pytest.raises(ConfigError, match=f"{argument}=0"):
        LOSSES.build(config)

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.engine.pretrained import PretrainedInit  # noqa: F401  the initialiser that the tools use
from geoloc.errors import CheckpointError, ConfigError
from geoloc.models import CrossViewRetriever
from geoloc.registry import HEADS, LOSSES, MODELS

PARTS = {
    "backbone": {"type": "mmpretrain.ResNet", "depth": 18},
    "neck": {"type": "mmpretrain.GlobalAveragePooling"},
    "head": {"type": "ProjectionHead", "in_dims": 512, "embed_dims": 8},
}


@LOSSES.register_module()
class RowSumLoss(nn.Module):
    """A pair loss that is not symmetric, so that directions can be told apart."""

    def forward(self, query: torch.Tensor, gallery: torch.Tensor, levels: torch.Tensor):
        return (query[:, 0] * 2 + gallery[:, 0] + levels[:, 0]).sum()


def build(**options) -> CrossViewRetriever:
    torch.manual_seed(0)
    return MODELS.build({"type": "CrossViewRetriever", **PARTS, **options})


def images(n: int = 3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {view: torch.randn(n, 3, 32, 32, generator=generator) for view in ("drone", "satellite")}


def test_descriptors_are_unit_float32_rows() -> None:
    model = build().eval()
    for view, values in model(images(), {}, {}).items():
        assert values.dtype == torch.float32
        assert values.shape == (3, 8), view
        torch.testing.assert_close(values.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize(
    ("shared", "same"),
    [
        (("backbone", "neck", "head"), True),
        ((), False),
        (("backbone", "neck"), False),
        (("neck", "head"), False),
    ],
)
def test_shared_parts_describe_both_views_alike(shared: tuple[str, ...], same: bool) -> None:
    model = build(shared=shared).eval()
    picture = images()["drone"]
    one, other = model.describe(picture, "drone"), model.describe(picture, "satellite")
    assert torch.allclose(one, other) == same
    single = sum(parameter.numel() for parameter in build().parameters())
    count = sum(parameter.numel() for parameter in model.parameters())
    assert (count > single) == (not same)


def test_a_part_may_have_a_config_per_view() -> None:
    narrow, wide = ({**PARTS["head"], "norm": norm} for norm in (False, True))
    model = build(shared=("backbone", "neck"), head={"drone": narrow, "satellite": wide})
    assert isinstance(model.head["drone"].norm, nn.Identity)
    assert isinstance(model.head["satellite"].norm, nn.LayerNorm)
    with pytest.raises(ConfigError, match=r"model\.head has no config of satellite"):
        build(shared=("backbone", "neck"), head={"drone": narrow})
    with pytest.raises(ConfigError, match=r"model\.head differs by view"):
        build(head={"drone": narrow, "satellite": wide})


def test_unknown_shared_part_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.shared: \['nek'\]"):
        build(shared=("nek",))


def test_pair_loss_is_the_weighted_mean_of_both_directions() -> None:
    model = build(losses={"row": {"type": "RowSumLoss", "weight": 0.25}})
    table = torch.tensor([[3, 1, 0], [1, 3, 0], [0, 0, 3]], dtype=torch.int8)
    model.set_place_levels(DistanceLevels(table, 3))
    labels = torch.tensor([2, 0])
    one, other = F.normalize(torch.randn(2, 2, 4), dim=2)
    loss = model.loss({"drone": one, "satellite": other}, {"drone": labels, "satellite": labels})
    levels = table[labels][:, labels][:, 0].sum()  # 3 + 0
    forth = 2 * one[:, 0].sum() + other[:, 0].sum() + levels
    back = 2 * other[:, 0].sum() + one[:, 0].sum() + levels
    assert list(loss) == ["loss_row"]
    torch.testing.assert_close(loss["loss_row"], 0.25 * (forth + back) / 2)


def test_class_loss_is_the_mean_over_views() -> None:
    model = build(
        losses={"nsm": {"type": "NormalizedSoftmaxLoss", "num_places": 4, "embed_dims": 8}}
    )
    model.set_place_levels(DistanceLevels(torch.eye(4, dtype=torch.int8), 1))
    labels = torch.tensor([1, 3])
    rows = {view: nn.functional.normalize(torch.randn(2, 8)) for view in model.views}
    loss = model.loss(rows, dict.fromkeys(model.views, labels))["loss_nsm"]
    single = [model.losses["nsm"](rows[view], labels) for view in model.views]
    torch.testing.assert_close(loss, (single[0] + single[1]) / 2)


def test_proxies_of_another_number_of_places_are_refused() -> None:
    model = build(
        losses={"nsm": {"type": "NormalizedSoftmaxLoss", "num_places": 4, "embed_dims": 8}}
    )
    with pytest.raises(ConfigError, match=r"nsm\.num_places=4.*has 5 places; set num_places=5"):
        model.set_place_levels(DistanceLevels(torch.zeros(5, 5, dtype=torch.int8), 3))


def test_a_loss_of_neither_contract_is_refused() -> None:
    @LOSSES.register_module(force=True)
    class OneArgument(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sum()

    with pytest.raises(ConfigError, match=r"model\.losses\.odd: OneArgument\.forward must take"):
        build(losses={"odd": {"type": "OneArgument"}})
    with pytest.raises(ConfigError, match=r"model\.losses\.odd must be a dict"):
        build(losses={"odd": "DyCLLoss"})


@HEADS.register_module()
class RawHead(nn.Linear):
    """A head whose embedding is not its descriptor."""

    def descriptor(self, embedding: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(embedding, dim=1)


RAW = {"head": {"type": "RawHead", "in_features": 512, "out_features": 8}}


def test_class_losses_take_embeddings_and_pair_losses_descriptors() -> None:
    seen: list[torch.Tensor] = []

    @LOSSES.register_module(force=True)
    class SeenPairLoss(nn.Module):
        def forward(self, query, gallery, levels):
            seen.append(query)
            return query.sum()

    @LOSSES.register_module(force=True)
    class SeenClassLoss(nn.Module):
        def forward(self, embedding, place_label):
            seen.append(embedding)
            return embedding.sum()

    losses = {"pair": {"type": "SeenPairLoss"}, "place": {"type": "SeenClassLoss"}}
    model = build(**RAW, losses=losses)
    model.set_place_levels(DistanceLevels(torch.eye(3, dtype=torch.int8), 1))
    rows, labels = 5 * torch.randn(3, 8), torch.arange(3)
    model.loss(dict.fromkeys(model.views, rows), dict.fromkeys(model.views, labels))
    torch.testing.assert_close(seen[0], nn.functional.normalize(rows, dim=1))
    torch.testing.assert_close(seen[-1], rows)


def test_a_flipped_test_image_adds_its_embedding() -> None:
    model = build(**RAW, flip_test=True).eval()
    picture = images()["drone"]
    both = model.embed(picture, "drone") + model.embed(picture.flip(-1), "drone")
    found = model.describe(picture, "drone")
    torch.testing.assert_close(found, nn.functional.normalize(both, dim=1))
    torch.testing.assert_close(model.describe(picture.flip(-1), "drone"), found)


def test_the_official_flip_of_sues200_normalises_one_side() -> None:
    model = build(**RAW, flip_test="sues200").eval()
    picture = torch.randn(2, 3, 32, 32)
    own, mirrored = (model.embed(each, "drone") for each in (picture, picture.flip(-1)))
    expected = own / own.norm(dim=1, keepdim=True) + mirrored
    found = model.describe(picture, "drone")
    torch.testing.assert_close(found, model.descriptor(expected, "drone"))
    assert not torch.allclose(found, build(**RAW, flip_test=True).eval().describe(picture, "drone"))
    with pytest.raises(ConfigError, match=r"model.flip_test='both' must be True, False or"):
        build(**RAW, flip_test="both")


def test_one_view_is_compared_with_itself() -> None:
    model = build(views=("image",), losses={"dycl": {"type": "DyCLLoss"}})
    table = torch.tensor([[3, 1, 0], [1, 3, 0], [0, 0, 3]], dtype=torch.int8)
    model.set_place_levels(DistanceLevels(table, 3))
    rows = nn.functional.normalize(torch.randn(4, 8))
    labels = torch.tensor([0, 1, 2, 0])
    loss = model.loss({"image": rows}, {"image": labels})["loss_dycl"]
    expected = model.losses["dycl"].within(rows, table[labels][:, labels])
    torch.testing.assert_close(loss, expected)
    with pytest.raises(ConfigError, match=r"model\.losses\.row: .* must derive from"):
        build(views=("image",), losses={"row": {"type": "RowSumLoss"}})


def test_predict_keeps_rows_beside_their_descriptors() -> None:
    model = build().eval()
    batch = images()
    rows = {"drone": torch.tensor([5, 1, 2]), "satellite": torch.tensor([0, 3, 4])}
    predictions = model(batch, {}, rows, mode="predict")
    for prediction, view in zip(predictions, ("drone", "satellite"), strict=True):
        assert torch.equal(prediction["rows"], rows[view])
        torch.testing.assert_close(prediction["descriptors"], model.describe(batch[view], view))


def test_reloaded_images_are_described_as_the_batch_is_and_leave_no_statistics() -> None:
    model = build(data_preprocessor={"type": "ViewPreprocessor"})
    pixels = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    inputs = model.data_preprocessor({"inputs": {"drone": pixels}}, training=True)["inputs"]
    for training in (True, False):
        model.backbone.train(training)
        state = {name: values.clone() for name, values in model.state_dict().items()}
        reloaded = model.describe_reloaded(pixels, "drone")
        for name, values in model.state_dict().items():
            assert torch.equal(values, state[name]), name
        torch.testing.assert_close(reloaded, model.describe(inputs["drone"], "drone"))
    assert not torch.allclose(reloaded, model.train().describe_reloaded(pixels, "drone"))
    model.describe(inputs["drone"], "drone")  # the batch itself is recorded, also afterwards
    assert not torch.equal(
        model.state_dict()["backbone.bn1.running_mean"], state["backbone.bn1.running_mean"]
    )


def test_preprocessor_normalises_every_view() -> None:
    model = build(
        data_preprocessor={"type": "ViewPreprocessor", "mean": (10, 20, 30), "std": (2, 4, 8)}
    )
    pixels = torch.tensor([12, 24, 14], dtype=torch.uint8).view(1, 3, 1, 1)
    batch = model.data_preprocessor({"inputs": {"drone": pixels}, "places": {}, "rows": {}})
    assert batch["inputs"]["drone"].flatten().tolist() == [1.0, 1.0, -2.0]


def test_channels_last_changes_nothing_but_the_memory_order() -> None:
    plain, fast = build().eval(), build(channels_last=True).eval()
    assert fast.backbone.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    expected, found = plain(images(), {}, {}), fast(images(), {}, {})
    for view in expected:
        torch.testing.assert_close(found[view], expected[view], rtol=1e-4, atol=1e-5)


def test_the_network_starts_alike_whatever_the_losses_draw() -> None:
    """The start of a method must not depend on its loss, or comparisons of losses are unfair."""
    proxies = {"type": "NormalizedSoftmaxLoss", "num_places": 5, "embed_dims": 8}
    plain = build(losses={})
    plain.init_weights()
    with_proxies = build(losses={"first": proxies, "second": proxies})
    with_proxies.init_weights()
    state = with_proxies.state_dict()
    for name, values in plain.state_dict().items():
        assert torch.equal(values, state[name]), name
    first, second = (state[f"losses.{name}.weight"] for name in ("first", "second"))
    assert not torch.equal(first, second)


def test_branches_of_a_part_that_is_not_shared_start_apart() -> None:
    state = build(shared=()).state_dict()
    assert not torch.equal(state["head.drone.fc.weight"], state["head.satellite.fc.weight"])


def test_parts_of_every_view_are_initialised():
    constant = {"type": "Constant", "layer": "Conv2d", "val": 0.5}
    model = MODELS.build(
        {
            "type": "CrossViewRetriever",
            "backbone": {"type": "mmpretrain.ResNet", "depth": 18, "init_cfg": constant},
            "neck": {"type": "mmpretrain.GlobalAveragePooling"},
            "head": {"type": "ProjectionHead", "in_dims": 512, "embed_dims": 8},
            "shared": ("neck", "head"),
        }
    )
    model.init_weights()
    for view in ("drone", "satellite"):
        assert (model.backbone[view].conv1.weight == 0.5).all(), view


@pytest.mark.parametrize(
    ("file", "reason"), [("nowhere.pth", "does not exist"), ("other.pth", "fits ResNet")]
)
def test_weights_that_cannot_be_loaded_are_named_by_their_keys(tmp_path, file, reason) -> None:
    torch.save({"state_dict": {"other": torch.ones(1)}}, tmp_path / "other.pth")
    init = {"type": "Pretrained", "checkpoint": str(tmp_path / file)}
    plain = PARTS["backbone"]
    started = {**plain, "init_cfg": init}
    both = {"drone": started, "satellite": started}
    one = {"drone": plain, "satellite": started}
    for backbone, shared, keys in (
        (started, ("backbone",), ["backbone"]),
        (started, (), ["backbone"]),
        (both, (), ["backbone.drone", "backbone.satellite"]),
        (one, (), ["backbone.satellite"]),
    ):
        model = build(backbone=backbone, shared=shared)
        names = " and ".join(f"model.{key}.init_cfg" for key in keys)
        files, none = (
            " ".join(f"model.{key}.init_cfg{value}" for key in keys)
            for value in (".checkpoint=PATH", "=None")
        )
        with pytest.raises(CheckpointError) as error:
            model.init_weights()
        assert f"pretrained weights of {names} could not be loaded" in str(error.value)
        assert file in str(error.value)
        assert reason in str(error.value)
        assert f"name a local file with --cfg-options {files}, or" in str(error.value)
        assert str(error.value).endswith(f"--cfg-options {none}")

import pytest

from geoloc import registry
from geoloc.config_json import check_types
from geoloc.errors import UnknownTypeError

ROLES = ("BACKBONES", "NECKS", "HEADS", "LOSSES", "SAMPLERS", "METRICS", "INDEXES")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_lists_only_its_own_plugins(role: str) -> None:
    ours = getattr(registry, role)
    ours.import_from_location()
    for other in set(ROLES) - {role}:
        assert not set(ours.module_dict) & set(getattr(registry, other).module_dict)


def test_roles_hold_what_the_configs_name() -> None:
    for role, names in {
        "NECKS": {"SquareRingPartition", "StripPartition"},
        "HEADS": {"BottleneckHead", "ProjectionHead"},
        "LOSSES": {
            "CSLLoss",
            "DyCLLoss",
            "InfoNCELoss",
            "InstanceLoss",
            "NormalizedSoftmaxLoss",
            "PMLLoss",
            "ProxyNCALoss",
            "TripletLoss",
        },
        "SAMPLERS": {
            *("UniquePlaceSampler", "PlaceImageSampler", "HierarchicalSampler"),
            *("NearPlaceSampler", "GPSSampler", "DynamicSimilaritySampler"),
        },
        "METRICS": {"HierarchicalRetrieval"},
        "INDEXES": {"ExactIndex", "FaissIndex"},
    }.items():
        ours = getattr(registry, role)
        ours.import_from_location()
        assert names <= set(ours.module_dict)


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        ("BACKBONES", {"type": "mmpretrain.ResNet", "depth": 18}),
        ("BACKBONES", {"type": "mmpretrain.ConvNeXt", "arch": "atto", "gap_before_final_norm": 0}),
        ("BACKBONES", {"type": "mmpretrain.VisionTransformer", "arch": "deit-tiny"}),
        ("BACKBONES", {"type": "mmpretrain.SwinTransformer", "arch": "tiny"}),
        ("NECKS", {"type": "mmpretrain.GlobalAveragePooling"}),
        ("NECKS", {"type": "mmpretrain.GeneralizedMeanPooling"}),
    ],
)
def test_parts_of_mmpretrain_build(role: str, kind: dict[str, object]) -> None:
    part = getattr(registry, role).build(dict(kind))
    assert type(part).__name__ == str(kind["type"]).removeprefix("mmpretrain.")
    assert type(part).__module__.startswith("mmpretrain.")


@pytest.mark.parametrize(
    ("role", "kind", "match"),
    [
        ("LOSSES", "DyCLoss", "DyCLLoss"),
        ("LOSSES", "infonceloss", "InfoNCELoss"),
        ("BACKBONES", "ResNet", "mmpretrain.ResNet"),
        ("BACKBONES", "mmpretrain.ResNett", "mmpretrain.ResNet"),
        ("SAMPLERS", "UniquePlacesSampler", "UniquePlaceSampler"),
        ("METRICS", "HierarchicRetrieval", "HierarchicalRetrieval"),
        ("DATASETS", "DaCampus", "DACampus"),
        ("MODELS", "CrossViewRetreiver", "CrossViewRetriever"),
        ("HOOKS", "EpochSeedHok", "EpochSeedHook"),
        ("INDEXES", "FaisIndex", "FaissIndex"),
    ],
)
def test_misspelt_type_is_answered_with_close_matches(role: str, kind: str, match: str) -> None:
    with pytest.raises(UnknownTypeError, match=f"type='{kind}'.*did you mean.*{match}"):
        getattr(registry, role).build({"type": kind})


def test_a_loss_is_no_neck() -> None:
    with pytest.raises(UnknownTypeError, match="neck registry"):
        registry.NECKS.build({"type": "DyCLLoss"})
    assert "DyCLLoss" in registry.LOSSES
    assert "DyCLLoss" not in registry.NECKS


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"type": "TIMMBackbone", "norm_layer": "os.path"}, r"model\.norm_layer='os\.path'"),
        ([{"type": "torchvision/ToTensor"}], r"model\[0\]\.type='torchvision/ToTensor'"),
    ],
)
def test_a_config_of_somebody_else_runs_no_option(config: object, place: str) -> None:
    with pytest.raises(UnknownTypeError, match=f"{place} is not registered"):
        check_types(config, "model")

import numpy as np
import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.location_encoders import LocationEncoder
from geoloc.registry import LOCATION_ENCODERS


def matrix(rows: int, columns: int, tag: float, scale: float) -> torch.Tensor:
    """The formula weights of the conformance vectors."""
    i = np.arange(rows)[:, None]
    j = np.arange(columns)
    phase = 0.731 * i + 1.137 * j + 0.917 * tag + 0.293 * i * j / (1 + columns)
    return torch.from_numpy(scale * np.sin(phase))


def vector(size: int, tag: float, scale: float) -> torch.Tensor:
    return torch.from_numpy(scale * np.sin(0.731 * np.arange(size) + 0.917 * tag))


def formula_weights(tag_base: int) -> dict[str, torch.Tensor]:
    weights = {}
    for capsule, sigma in enumerate((1, 16, 256)):
        tag, name = tag_base + 100 * capsule, f"LocEnc{capsule}"
        weights[f"{name}.capsule.0.b"] = matrix(256, 2, tag + 1, sigma * 2**0.5)
        for layer, width in enumerate((512, 1024, 1024), start=1):
            place = f"{name}.capsule.{2 * layer - 1}"
            weights[f"{place}.weight"] = matrix(1024, width, tag + 10 * layer, (4 / width) ** 0.5)
            weights[f"{place}.bias"] = vector(1024, tag + 10 * layer + 5, 0.1)
        weights[f"{name}.head.0.weight"] = matrix(512, 1024, tag + 40, (4 / 1024) ** 0.5)
        weights[f"{name}.head.0.bias"] = vector(512, tag + 45, 0.1)
    return weights


def capsules(encoder: LocationEncoder, latlon: torch.Tensor) -> np.ndarray:
    points = encoder.project(latlon)
    return np.stack([capsule(points).detach().numpy() for capsule in encoder.children()])


def test_narrow_encoder_with_official_weights(golden) -> None:
    vectors = golden("gg_loc_encoder_small")
    sigmas = vectors["sigma"].tolist()
    frequencies, hidden = len(vectors["cap0.capsule.0.b"]), len(vectors["cap0.capsule.1.bias"])
    encoder = LocationEncoder(sigmas, frequencies, hidden)
    encoder.load_state_dict(
        {
            name.replace("cap", "LocEnc", 1): torch.from_numpy(value)
            for name, value in vectors.items()
            if name.startswith("cap")
        }
    )
    latlon = torch.from_numpy(vectors["latlon_deg"])
    np.testing.assert_allclose(encoder(latlon).detach(), vectors["out"], rtol=0, atol=1e-4)
    exact = encoder.double()(latlon).detach()
    np.testing.assert_allclose(exact, vectors["out"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(capsules(encoder, latlon), vectors["per_capsule"], atol=1e-4)


def test_full_encoder_with_official_names(golden) -> None:
    vectors = golden("gg_loc_encoder_full")
    encoder = LocationEncoder()
    trained = sum(parameter.numel() for parameter in encoder.parameters())
    assert trained == 9_447_936  # the published 9.45 M
    assert sum(buffer.numel() for buffer in encoder.buffers()) == 1536
    encoder.double().load_state_dict(formula_weights(int(vectors["tag_base"])))
    latlon = torch.from_numpy(vectors["latlon_deg"])
    np.testing.assert_allclose(encoder(latlon).detach(), vectors["out"], rtol=0, atol=1e-10)
    single = encoder.float()(latlon.float()).detach()
    np.testing.assert_allclose(single, vectors["out"], rtol=0, atol=2e-4)


def test_autocast_changes_no_bit() -> None:
    torch.manual_seed(0)
    encoder = LocationEncoder((1, 256), num_frequencies=8, hidden_dims=16, embed_dims=6)
    latlon = torch.rand(20, 2) * 180 - 90
    plain = encoder(latlon)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = encoder(latlon)
    assert mixed.dtype == torch.float32
    assert torch.equal(plain, mixed)


def test_only_the_sphere_joins_both_sides_of_the_antimeridian() -> None:
    torch.manual_seed(0)
    east, west = torch.tensor([[10.0, 179.9999]]), torch.tensor([[10.0, -179.9999]])
    poles = torch.tensor([[-90.0, 0.0], [-90.0, 90.0], [90.0, -180.0]]).double()
    options = {"num_frequencies": 8, "hidden_dims": 16, "embed_dims": 6}
    for wrap, near in ((None, False), ("sphere", True)):
        encoder = LocationEncoder(wrap=wrap, **options)
        assert torch.allclose(encoder(east), encoder(west), atol=1e-2) is near
        south, turned, north = encoder(poles)
        assert torch.isfinite(torch.stack([south, turned, north])).all()
        assert torch.allclose(south, turned, atol=1e-4) is near
        assert not torch.allclose(south, north, atol=1e-2)


def test_bad_options() -> None:
    with pytest.raises(ConfigError, match=r"wrap='torus' must be 'sphere' or None"):
        LocationEncoder(wrap="torus")
    for sigmas in ((), (1.0, -2.0)):
        with pytest.raises(ConfigError, match="sigmas="):
            LocationEncoder(sigmas)
    assert isinstance(LOCATION_ENCODERS.build({"type": "LocationEncoder"}), LocationEncoder)

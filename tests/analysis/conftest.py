import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index


@pytest.fixture
def places(tmp_path) -> Index:
    """Ten places on a line, 90 m apart, each with a satellite and three drone images."""
    place = np.repeat(np.arange(1, 11), 4)
    view = np.tile(["satellite", "drone", "drone", "drone"], 10)
    number = np.tile(np.arange(4), 10)
    path = [f"{v}/{p:04}/{n}.jpg" for v, p, n in zip(view, place, number, strict=True)]
    lat = 30 + place * 90 / 110_850
    split = np.full(40, "test")
    return Index(path, view, place, lat, np.full(40, 120.0), split, tmp_path)


@pytest.fixture
def descriptors(places: Index) -> torch.Tensor:
    """Alike where the places are near, with noise that makes some queries fail."""
    generator = torch.Generator().manual_seed(0)
    where = torch.from_numpy(places.place).float()[:, None]
    centre = torch.cos(where * torch.linspace(0.1, 0.6, 16))
    noise = torch.randn(len(places), 16, generator=generator)
    return torch.nn.functional.normalize(centre + 0.35 * noise)

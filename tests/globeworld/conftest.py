import pytest

from geoloc.globeworld.dataset import write_globeworld
from geoloc.globeworld.spec import GlobeSpec

SMALL = {"train_photos": 30, "test_photos": 12, "image_size": 16, "countries": 4, "towns": 40}


@pytest.fixture(scope="session")
def small_globe(tmp_path_factory):
    """Return the root of a small GlobeWorld and its parameters."""
    root = tmp_path_factory.mktemp("globe") / "world"
    return write_globeworld(root, GlobeSpec(**SMALL), workers=1), SMALL

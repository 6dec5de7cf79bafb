import numpy as np
import torch

from geoloc.models.location_encoders import RandomFourierFeatures


def test_features_are_the_official_ones(golden) -> None:
    vectors = golden("gg_rff")
    features = RandomFourierFeatures(1.0, num_frequencies=16).double()
    features.load_state_dict({"b": torch.from_numpy(vectors["b"])})
    points = torch.from_numpy(vectors["v"])
    np.testing.assert_allclose(features(points), vectors["out"], rtol=0, atol=1e-12)
    single = features.float()(points.float())
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, vectors["out_f32"], rtol=0, atol=2e-5)


def test_frequencies_are_saved_but_not_trained() -> None:
    torch.manual_seed(0)
    features = RandomFourierFeatures(16.0, in_dims=3, num_frequencies=4000)
    assert not list(features.parameters())
    assert features.state_dict()["b"].shape == (4000, 3)
    assert abs(float(features.b.std()) / 16 - 1) < 0.03
    assert abs(float(features.b.mean()) / 16) < 0.03

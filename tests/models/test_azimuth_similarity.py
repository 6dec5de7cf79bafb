import pytest
import torch

from geoloc.models.azimuth_similarity import azimuth_similarity


def maps(vectors) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.from_numpy(vectors[name]).permute(0, 3, 1, 2) for name in ("grd", "sat"))


def test_it_equals_the_official_code(golden) -> None:
    vectors = golden("cv_dsm_corr")
    found = azimuth_similarity(*maps(vectors))
    assert torch.equal(found.column.T, torch.from_numpy(vectors["pred_orien"]).long())
    distance = torch.from_numpy(vectors["distance"])
    torch.testing.assert_close(2 - 2 * found.similarity, distance, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("width", [1, 3, 8])
def test_it_equals_a_loop_over_rotations(width) -> None:
    torch.manual_seed(0)
    ground, satellite = torch.randn(3, 2, 4, width).double(), torch.randn(5, 2, 4, 8).double()
    found = azimuth_similarity(ground, satellite)
    for n in range(3):
        for m in range(5):
            crops = [satellite[m].roll(-o, dims=2)[..., :width] for o in range(8)]
            products = torch.stack([(ground[n] * crop).sum() for crop in crops])
            assert found.column[n, m] == products.argmax()
            crop = crops[int(products.argmax())]
            cosine = (ground[n] * crop).sum() / (ground[n].norm() * crop.norm())
            torch.testing.assert_close(found.similarity[n, m], cosine)


def test_a_rotated_map_is_found_and_its_gradient_is_right() -> None:
    torch.manual_seed(0)
    satellite = torch.randn(2, 2, 3, 8).double()
    ground = satellite.roll(-5, dims=3)[..., :4]
    found = azimuth_similarity(ground, satellite)
    assert found.column.diagonal().tolist() == [5, 5]
    torch.testing.assert_close(found.similarity.diagonal(), torch.ones(2).double())
    inputs = [torch.randn(2, 2, 3, 4).double(), satellite]
    for value in inputs:
        value.requires_grad_()
    assert torch.autograd.gradcheck(lambda g, s: azimuth_similarity(g, s).similarity, inputs)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"w <= W, got \[1, 2, 3, 9\]"):
        azimuth_similarity(torch.zeros(1, 2, 3, 9), torch.zeros(1, 2, 3, 8))

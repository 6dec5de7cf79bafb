import numpy as np
import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.backbones.usam_resnet import USAM
from geoloc.registry import BACKBONES


@pytest.mark.parametrize("polish", [False, True])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_unit_matches_the_official_code(golden, mode, polish):
    arrays = golden("cv_usam_gem")
    unit = USAM(polish).train(mode == "train")
    names = ("weight", "bias", "running_mean", "running_var")
    for name, value in zip(names, arrays["bn"].tolist(), strict=True):
        getattr(unit.norm, name).data.fill_(value)
    output = unit(torch.from_numpy(arrays["x"])).detach().numpy()
    np.testing.assert_allclose(output, arrays[f"usam_{mode}_polish{polish:d}"], atol=2e-5)


def test_units_stand_behind_their_stages_and_learn_statistics_under_norm_eval():
    network = BACKBONES.build(
        {"type": "USAMResNet", "depth": 18, "usam_stages": (1, 3), "norm_eval": True}
    )
    units = [name for name, module in network.named_modules() if isinstance(module, USAM)]
    assert units == ["layer1.2", "layer3.2"]
    network.train()
    assert not network.layer1[0].norm1.training
    before = network.layer1[2].norm.running_var.clone()
    (features,) = network(torch.rand(2, 3, 64, 64))
    assert features.shape == (2, 512, 2, 2)
    assert network.layer1[2].norm.running_var != before
    assert not network.eval().layer1[2].norm.training


def test_a_uniform_map_has_no_salient_place():
    features = torch.ones(1, 4, 6, 7)
    torch.testing.assert_close(USAM().eval()(features), features)
    border = USAM(polish=False).eval()(features)
    assert (border[..., 0, :] > 1).all()


def test_a_stage_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match=r"stage 5 is not among 1 \.\.\. 4"):
        BACKBONES.build({"type": "USAMResNet", "depth": 18, "usam_stages": (5,)})

"""Networks of peers cost what the papers print (DOCB, Table 3)."""

import pytest

from geoloc.engine.complexity import complexity
from geoloc.engine.config import load_config
from geoloc.registry import MODELS
from tests.conftest import ROOT


def test_transgeo_costs_what_the_table_says() -> None:
    cost = complexity(load_config(ROOT / "configs/transgeo/transgeo_deits_cvusa.py"), batch=1)
    # Printed: 44.8 M and 11.32 G.
    assert cost.parameters / 1e6 == pytest.approx(44.92, abs=0.005)
    assert cost.macs / 1e9 == pytest.approx(11.32, abs=0.005)
    assert cost.descriptor_length == 1000


def test_l2ltr_has_the_parameters_of_the_table() -> None:
    model = MODELS.build(load_config(ROOT / "configs/l2ltr/l2ltr_r50vitb_cvusa.py").model)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert parameters / 1e6 == pytest.approx(195.9, abs=0.05)

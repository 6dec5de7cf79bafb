"""What the page on data says of one's own data holds."""

import re
from pathlib import Path

import numpy as np
import pytest

from geoloc.datasets import Index
from geoloc.datasets.place_levels import place_levels
from geoloc.engine.config import load_config
from tests.conftest import ROOT

SECTION = (ROOT / "docs/data.md").read_text(encoding="utf-8").partition("## Your own data")[2]
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def test_the_config_reads_the_index_file_everywhere(tmp_path: Path) -> None:
    config = SECTION.partition("```python\n")[2].partition("```")[0]
    base = re.escape('_base_ = "configs/')
    file = tmp_path / "mine.py"
    file.write_text(re.sub(base, f'_base_ = "{ROOT.as_posix()}/configs/', config))
    cfg = load_config(file)
    wanted = {"type": "IndexDataset", "path": "data/mine/places.csv", "thresholds_m": (5, 100, 400)}
    assert all(cfg[loader].dataset.source == wanted for loader in LOADERS)


@pytest.mark.parametrize(
    ("thresholds_m", "labels", "highest"),
    [((3, 200, 500), 0, 3), ((5, 100), 0, 2), ((), 0, 1), ((), 2, 3)],
)
def test_the_levels_are_as_many_as_said(
    thresholds_m: tuple[float, ...], labels: int, highest: int
) -> None:
    places = np.arange(4)
    positions = places / 100 if thresholds_m else np.full(4, np.nan)
    index = Index(
        path=np.array([f"{place}.jpg" for place in places]),
        view=np.full(4, "drone"),
        place=places,
        lat=positions,
        lon=positions,
        split=np.full(4, "train"),
        root=Path(),
        labels=np.zeros((4, labels), np.int64),
        label_names=tuple("ab"[:labels]),
    )
    assert place_levels(index, thresholds_m).highest == highest

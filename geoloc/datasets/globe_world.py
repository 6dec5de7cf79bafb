"""GlobeWorld: the rendered stand-in for OSV5M."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geoloc.datasets.osv5m import OFFICIAL_SEED, THRESHOLDS_M, read_osv5m
from geoloc.datasets.rendering import render_first
from geoloc.datasets.source import Source
from geoloc.globeworld.dataset import write_globeworld
from geoloc.globeworld.spec import GlobeSpec
from geoloc.registry import DATASETS


@DATASETS.register_module()
class GlobeWorld(Source):
    """Photos of a small random planet, rendered on first use.

    The view is ``photo``, splits are ``train``, ``val`` and ``test``. Folder and tables are those
    of OSV5M, so that ``OSV5M`` reads them, too; ``towns.csv`` is the planet's gazetteer, for
    ``GlobalLocalization(area=...)``.

    Args:
        data_root: Folder of the world; written if it is not complete.
        val_share: Share of the train photos that become ``val``, drawn as those of ``OSV5M``.
        val_seed: Seed of the draw.
        thresholds_m: Bounds of the relevance levels in metres, nearest first.
        **world: Parameters of :class:`geoloc.globeworld.spec.GlobeSpec`.

    Raises:
        ConfigError: If the parameters make no world.
        DatasetError: If the folder holds another world or other files.
    """

    def __init__(
        self,
        data_root: str | Path,
        val_share: float = 0.1,
        val_seed: int = OFFICIAL_SEED,
        thresholds_m: Sequence[float] = THRESHOLDS_M,
        **world: Any,
    ) -> None:
        root = Path(data_root)
        render_first(lambda: write_globeworld(root, GlobeSpec(**world)))
        index = read_osv5m(root, val_share=val_share, val_seed=val_seed)
        super().__init__("GlobeWorld", index, thresholds_m, looked_up=True)

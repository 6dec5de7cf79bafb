"""StreetWorld: the rendered stand-in for CVUSA, CVACT and VIGOR."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geoloc.datasets.cvact import read_cvact
from geoloc.datasets.cvusa import read_cvusa
from geoloc.datasets.rendering import render_first
from geoloc.datasets.source import Source
from geoloc.datasets.vigor import read_vigor
from geoloc.errors import ConfigError
from geoloc.registry import DATASETS


@DATASETS.register_module()
class StreetWorld(Source):
    """A world of street panoramas and satellite tiles, rendered on first use.

    Views are ``street`` and ``satellite``, splits ``train`` and ``val``. The files are named and
    listed as those of CVUSA, CVACT or VIGOR, so that their readers read them too. In the layout of
    VIGOR, whose area is ``cross``, the splits are ``train`` and ``test``, and there are neither
    thresholds nor polar transforms.

    Args:
        data_root: Folder of the world; written if it is not complete.
        thresholds_m: Bounds of the relevance levels in metres; ``()`` for pairs only.
        polar: Take the satellite images that ``tools/polar_maps.py`` has transformed beforehand.
        **world: Parameters of :class:`geoloc.campusworld.street_world.StreetSpec`.

    Raises:
        ConfigError: If the parameters make no world.
        DatasetError: If the folder holds another world or other files.
    """

    def __init__(
        self,
        data_root: str | Path,
        thresholds_m: Sequence[float] = (),
        polar: bool = False,
        **world: Any,
    ) -> None:
        root = Path(data_root)

        def write() -> None:
            """Render what is not in the folder yet; errors as of the class."""
            from geoloc.campusworld.street_world import StreetSpec, write_streetworld

            write_streetworld(root, StreetSpec(**world))

        render_first(write)
        layout = world.get("layout", "cvusa")
        if layout == "vigor":
            if thresholds_m or polar:
                raise ConfigError(
                    f"StreetWorld: layout='vigor' takes neither thresholds_m={thresholds_m} nor "
                    f"polar={polar}: panoramas stand anywhere in their tiles; leave them out"
                )
            index = read_vigor(root, "cross")
        elif layout == "cvact":
            index = read_cvact(root, ("train", "val"), polar, official=False)
        else:
            index = read_cvusa(root, polar)
        super().__init__("StreetWorld", index, thresholds_m)

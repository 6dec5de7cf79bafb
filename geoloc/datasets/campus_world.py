"""CampusWorld: the rendered world that stands in for data nobody may redistribute."""

from collections.abc import Sequence
from pathlib import Path

from geoloc.datasets.campus_layout import read_campus
from geoloc.datasets.rendering import render_first
from geoloc.datasets.source import Source
from geoloc.geo.relevance import DA_CAMPUS_THRESHOLDS_M
from geoloc.registry import DATASETS


@DATASETS.register_module()
class CampusWorld(Source):
    """A world rendered on first use, in the layout of DA-Campus.

    Args:
        data_root: Folder of the world; written if it is not complete.
        preset: Named size of the world (see ``geoloc.campusworld``).
        seed: Which world; the same arguments give the same images everywhere.
        thresholds_m: Bounds of the relevance levels in metres, nearest first.
        places: Numbers of train and test places instead of the preset's.
        views: Number of drone images per place instead of the preset's.
        image_size: Side of the images in pixels instead of the preset's.
        campus_style: Share of its style that a whole campus has in common, instead of the
            preset's; see :class:`geoloc.campusworld.spec.WorldSpec`.

    Raises:
        ConfigError: If the arguments make no world.
        DatasetError: If the folder holds another world or other files.
    """

    def __init__(
        self,
        data_root: str | Path,
        preset: str = "mini",
        seed: int = 0,
        thresholds_m: Sequence[float] = DA_CAMPUS_THRESHOLDS_M,
        places: tuple[int, int] | None = None,
        views: int | None = None,
        image_size: int | None = None,
        campus_style: float | None = None,
    ) -> None:
        def write() -> None:
            """Render what is not in the folder yet; errors as of the class."""
            from geoloc.campusworld import write_campusworld

            write_campusworld(
                data_root,
                preset=preset,
                seed=seed,
                places=places,
                views=views,
                image_size=image_size,
                campus_style=campus_style,
            )

        render_first(write)
        index = read_campus(Path(data_root))
        changes = (places, views, image_size, campus_style)
        is_preset = all(change is None for change in changes)
        super().__init__(
            f"CampusWorld-{preset}" if is_preset else "CampusWorld", index, thresholds_m
        )

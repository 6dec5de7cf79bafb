"""mmengine's evaluator of predicted positions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import all_gather_object, is_main_process
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray

from geoloc.datasets.gazetteer_file import read_gazetteer
from geoloc.datasets.index import Index
from geoloc.datasets.photo_table import read_photo_table
from geoloc.errors import ConfigError, DatasetError
from geoloc.evaluation.geolocation import Truth, evaluate_geolocation
from geoloc.evaluation.geoscore import measure_of
from geoloc.evaluation.prediction_files import Predictions, save_predictions
from geoloc.evaluation.task_result import TaskResult
from geoloc.geo.gazetteer import AREA_LEVELS, Gazetteer, GeoNames
from geoloc.registry import METRICS

TASK = "photo->gps"


@METRICS.register_module()
class GlobalLocalization(BaseMetric):
    """The protocols of OSV5M and Im2GPS: how far are the predicted positions from the true ones?

    It consumes ``predict``'s dicts of ``rows`` int64 ``[n]``, ``coordinates`` float64
    ``[n, top_k, 2]``, (lat, lon) in degrees and most probable first, and ``probabilities`` float
    ``[n, top_k]``. Photos that a distributed sampler repeats to even out the processes count once.

    Args:
        preset: How errors are measured and compared, one of ``PRESETS``: ``geoloc`` (sphere, <=),
            ``osv5m`` (sphere, <) or ``geoclip`` (ellipsoid, <=). It stands in ``metrics.json``.
        area: Look up in which areas the predictions are: True with ``reverse_geocoder``, or the
            path of a gazetteer (see ``read_gazetteer``). The index must have the true areas.
        strict_official: Compare areas as the official code does, see ``area_hits``.
        by_continent: Report every continent, too.
        gallery: CSV file with the columns ``LAT, LON`` whose positions the model chooses from; adds
            the error of an oracle's choice.
        resamples: Replicates of the bootstrap for the 95 % intervals; 0 for none.
        output_dir: Folder for the files of ``save_predictions``; ``None`` writes nothing. The
            command lines set it to the work folder.
        config_hash: Written with the metrics. The command lines set it.

    Raises:
        ConfigError: If the preset is unknown or ``resamples`` negative.
        DatasetError: If ``area=True`` and ``reverse_geocoder`` is not installed.
        DatasetNotFoundError: If there is no such gazetteer or gallery.
        IndexFormatError: At the first line of these files that cannot be used.
    """

    default_prefix = ""  # names of metrics begin with their task; None would warn

    def __init__(
        self,
        preset: str = "geoloc",
        area: bool | str | Path = False,
        strict_official: bool = False,
        by_continent: bool = False,
        gallery: str | Path | None = None,
        resamples: int = 1000,
        output_dir: str | None = None,
        config_hash: str | None = None,
    ) -> None:
        super().__init__()
        self.preset = preset
        self.measure = measure_of(preset)
        if resamples < 0:
            raise ConfigError(f"resamples={resamples} must be 0 or more")
        self.gazetteer: GeoNames | Gazetteer | None = None
        if area:
            self.gazetteer = GeoNames() if area is True else read_gazetteer(area)
        self.strict_official = strict_official
        self.by_continent = by_continent
        self.gallery = None if gallery is None else read_photo_table(gallery, id_column=None).latlon
        self.resamples = resamples
        self.output_dir = output_dir
        self.config_hash = config_hash

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep the predictions of one batch."""
        for sample in data_samples:
            names = ("rows", "coordinates", "probabilities")
            self.results.append(tuple(sample[name].detach().cpu().numpy() for name in names))

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather all processes' predictions and compute the metrics, the same on every process.

        Args:
            size: Number of test photos.

        Returns:
            ``{'photo->gps/<metric>': value}``.

        Raises:
            DatasetError: If a photo has no prediction.
        """
        own = [np.concatenate(parts) for parts in zip(*self.results, strict=True)]
        self.results.clear()
        gathered = [parts for parts in all_gather_object(own) if parts]
        rows, *values = (np.concatenate(parts) for parts in zip(*gathered, strict=True))
        unique, first = np.unique(rows, return_index=True)
        if len(unique) != size:
            raise DatasetError(f"{len(unique)} of {size} test photos have a predicted position")
        coordinates, probabilities = (value[first] for value in values)
        return self.compute(Predictions(coordinates.astype(np.float64), probabilities))

    def compute(self, predictions: Predictions) -> dict[str, float]:
        """Evaluate predictions in index order; the main process saves the run."""
        meta = self.dataset_meta or {}
        index: Index = meta["index"]
        result = self.measure_photos(predictions.coordinates[:, 0], index)
        if self.output_dir is not None and is_main_process():
            facts = {"preset": self.preset, **self.measure._asdict()}
            protocol = meta["protocol"] | {"measure": facts}
            save_predictions(
                self.output_dir, {TASK: result}, predictions, index, protocol, self.config_hash
            )
        return {f"{TASK}/{name}": value for name, value in result.metrics.items()}

    def measure_photos(self, best: NDArray[np.float64], index: Index) -> TaskResult:
        """Measure the best predictions (lat, lon) ``[n, 2]`` of the photos of an index.

        Raises:
            ConfigError: If areas or continents are asked for and the index does not have them.
        """
        areas = {
            level: index.label_text(level) for level in AREA_LEVELS if level in index.label_names
        }
        for wanted, option in ((self.gazetteer, "area"), (self.by_continent, "by_continent")):
            if wanted and "country" not in areas:
                raise ConfigError(
                    f"{option} needs the countries of the photos, and the dataset has none; leave "
                    "it out or add the columns unique_country ... to the dataset"
                )
        return evaluate_geolocation(
            best,
            Truth(index.image_latlon, areas),
            self.measure,
            predicted_areas=self.gazetteer.areas(best) if self.gazetteer else None,
            strict_official=self.strict_official,
            by_continent=self.by_continent,
            gallery=self.gallery,
            resamples=self.resamples,
        )

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Unused: ``evaluate`` gathers by row instead of by position."""
        raise TypeError("GlobalLocalization evaluates through evaluate(), not compute_metrics()")

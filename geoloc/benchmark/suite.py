"""What a benchmark table consists of: methods, metrics, and where the published numbers are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from geoloc.benchmark.table import Column

DRONE_AND_SATELLITE = ("satellite->drone", "drone->satellite")
SCALES = ("small", "middle", "large", "overall")


@dataclass(frozen=True)
class Entry:
    """One row.

    Attributes:
        method: Its name.
        group: Part of the table.
        folder: Folder below ``configs``, which begins the names of its configs too.
        options: What differs from the config, by dotted key.
        ranking: The re-ranking whose results the row shows; empty for the plain ranking.
        paper: Name of the method in the paper's table, if it is another one; empty if the paper
            prints no numbers.
    """

    method: str
    group: str
    folder: str
    options: Mapping[str, Any] = field(default_factory=dict)
    ranking: str = ""
    paper: str | None = None

    @property
    def run(self) -> str:
        """Name of the runs that the row needs; rows of one run differ in their ranking only."""
        changes = [
            f"{key.removeprefix('model.losses.')}={self.options[key]}" for key in self.options
        ]
        return ",".join([self.folder, *changes])

    def source(self, column: Column) -> tuple[str, str]:
        """Return the task and the metric in ``metrics.json`` that a column shows."""
        task = f"{column.task} [{self.ranking}]" if self.ranking else column.task
        return task, column.metric


@dataclass(frozen=True)
class Suite:
    """One table.

    Attributes:
        title: What it shows, in one line.
        paper_data: The data of the published numbers, as in ``paper_results.json``.
        entries: Its rows, in the order of the paper.
        tasks: Directions.
        metrics: Metrics of each direction.
    """

    title: str
    paper_data: str
    entries: tuple[Entry, ...]
    tasks: tuple[str, ...]
    metrics: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every metric of every direction."""
        return tuple(Column(task, metric) for task in self.tasks for metric in self.metrics)


SINGLE, MULTI = "single-scale", "multi-scale"
TABLE_II = (
    Entry("Contrastive", SINGLE, "contrastive"),
    Entry("NSM", SINGLE, "nsm"),
    Entry("Soft Margin Triplet", SINGLE, "soft_margin_triplet"),
    Entry("Triplet", SINGLE, "triplet"),
    Entry("Instance", SINGLE, "instance"),
    Entry("LPN", SINGLE, "lpn"),
    Entry("InfoNCE", SINGLE, "infonce"),
    Entry("CV-Cities", SINGLE, "cv_cities"),
    Entry("CSL", MULTI, "csl"),
    Entry("Multi-Similarity", MULTI, "multi_similarity"),
    Entry("Sum-Triplet", MULTI, "sum_triplet"),
    Entry("HAPPIER", MULTI, "happier"),
    Entry("DyCL", MULTI, "dycl"),
    Entry("DyCL+HAPPIER", MULTI, "dycl_happier"),
    Entry("DyCL+HAPPIER+MSRerank", "re-ranked", "dycl_happier", ranking="MSRerank"),
)
OF_SCALES = tuple(f"{metric}/{scale}" for scale in SCALES for metric in ("mAP", "R@1"))
TRIPLETS = "model.losses.triplet.positive_level"
TAU = "model.losses.dycl.scale"
LAMBDA_1 = "model.losses.dycl.weight"


def _ablation(symbol: str, key: str, value: float) -> Entry:
    return Entry(f"{symbol} = {value:g}", symbol, "dycl_happier", {key: value}, paper="")


SUITES = {
    "dycl-table2": Suite(
        "Hierarchical retrieval (Table II)",
        "DA-Campus",
        TABLE_II,
        DRONE_AND_SATELLITE,
        ("H-AP", "ASI", "NDCG"),
    ),
    "dycl-table3": Suite(
        "Retrieval at every scale (Table III)",
        "DA-Campus",
        TABLE_II,
        DRONE_AND_SATELLITE,
        OF_SCALES,
    ),
    "fig6": Suite(
        "One scale or all of them: triplet loss (Fig. 6)",
        "DA-Campus",
        (
            Entry("Triplet, small scale", SINGLE, "triplet", paper="Triplet"),
            Entry("Triplet, middle scale", SINGLE, "triplet", {TRIPLETS: 2}, paper=""),
            Entry("Triplet, large scale", SINGLE, "triplet", {TRIPLETS: 1}, paper=""),
            Entry("Sum-Triplet", MULTI, "sum_triplet"),
        ),
        DRONE_AND_SATELLITE,
        OF_SCALES,
    ),
    # The paper prints these as curves, without numbers.
    "fig8": Suite(
        "DyCL's scale tau and its weight lambda_1 beside HAPPIER (Fig. 8)",
        "DA-Campus",
        (
            *(_ablation("tau", TAU, value) for value in (4.0, 8.0, 16.0, 32.0, 64.0)),
            *(_ablation("lambda_1", LAMBDA_1, value) for value in (0.05, 0.1, 0.2, 0.4, 0.8)),
        ),
        DRONE_AND_SATELLITE,
        ("H-AP", *OF_SCALES[:-2:2]),
    ),
}

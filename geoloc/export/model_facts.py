"""What people want to know of a trained model, under the names of OpenMMLab's metafiles."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from geoloc.evaluation.results import read_json, read_metrics

RETRIEVAL = ("H-AP", "ASI", "NDCG", "mAP/overall", "R@1/overall")
ON_A_GLOBE = ("GeoScore", "Acc@25km", "Acc@200km", "Acc@750km", "Acc@2500km")
METRICS = RETRIEVAL + ON_A_GLOBE


def model_facts(
    cfg: Config, name: str, run: Path | None = None, licence: str | None = None
) -> dict[str, Any]:
    """Return name, licence, metadata, and the results of its run.

    Args:
        cfg: Run config.
        name: Of the model.
        run: Run folder; its ``metrics.json`` gives the results.
        licence: Of the weights, as an SPDX identifier.
    """
    facts: dict[str, Any] = {"Name": name, "License": licence, "Metadata": metadata(cfg)}
    if run is not None and (run / "metrics.json").is_file():
        facts["Results"] = list(_results(run))
    return facts


def metadata(cfg: Config) -> dict[str, Any]:
    """Return architecture, training data and epochs, as far as a run config names them."""
    backbone = cfg.model.backbone
    if "type" not in backbone:  # a config per view, of one kind
        backbone = next(iter(backbone.values()))
    kind = backbone.type.removeprefix("mmpretrain.")
    sizes = [backbone.get(key) for key in ("depth", "arch", "model_name")]
    size = [str(size) for size in sizes if isinstance(size, (int, str))][:1]  # no list of its own
    facts: dict[str, Any] = {"Architecture": "-".join([kind, *size])}
    if "train_dataloader" in cfg:
        dataset = cfg.train_dataloader.dataset
        source = dataset.get("source", dataset)  # features have no source of their own
        facts["Training Data"] = " ".join([source.type, source.get("subset", "")]).strip()
    if "train_cfg" in cfg:
        facts["Epochs"] = cfg.train_cfg.max_epochs
    return facts


def _results(run: Path) -> Iterator[dict[str, Any]]:
    protocol = read_json(run / "metrics.json")["protocol"]
    for task, metrics in read_metrics(run).items():
        yield {
            "Task": task,
            "Dataset": f"{protocol['dataset']} ({protocol['fingerprint']})",
            "Metrics": {
                name: round(metrics[name], 2)
                for name in METRICS
                if math.isfinite(metrics.get(name, math.nan))
            },
        }

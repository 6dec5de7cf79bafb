"""The costs of the networks of a table, in files beside the results of its runs.

Costs are those of the configs for CVUSA, which have the networks and images of the papers, whatever
preset the metrics are measured with.
"""

from collections.abc import Sequence
from pathlib import Path

from geoloc.benchmark.code_hash import code_hash
from geoloc.benchmark.job import Key
from geoloc.benchmark.method_config import config_file
from geoloc.benchmark.preset import PAPER_SIZE
from geoloc.benchmark.suite import Suite
from geoloc.benchmark.table import COST
from geoloc.benchmark.train_job import hardware
from geoloc.engine.complexity import complexity
from geoloc.engine.config import config_hash, load_config
from geoloc.evaluation.results import read_json
from geoloc.whole_files import write_json

COSTS = ("parameters (M)", "GMACs", "ms per batch", "descriptor length")


def measure_costs(
    suite: Suite, configs: Path, results: Path, methods: Sequence[str] = (), batch: int = 32
) -> None:
    """Measure what is not there or belongs to other code, and write ``cost/<folder>.json``.

    Args:
        suite: The suite.
        configs: Folder of the configs.
        results: Folder of the results.
        methods: Config folders of the methods to measure; empty for all.
        batch: Images of every view in the batch that is timed.

    Raises:
        ConfigError: If a method has no config for CVUSA.
    """
    for entry in {entry.folder: entry for entry in suite.entries}.values() if suite.costs else ():
        if methods and entry.folder not in methods:
            continue
        cfg = load_config(config_file(PAPER_SIZE, entry, configs, "_cvusa"))
        cfg.model.pop("init_cfg", None)
        key = Key(config_hash(cfg), code_hash(cfg), hardware())._asdict()
        file = cost_file(results, entry.folder)
        if file.is_file() and read_json(file)["key"] == key:
            continue
        cost = complexity(cfg, batch)
        figures = (cost.parameters / 1e6, cost.macs / 1e9, cost.batch_ms, cost.descriptor_length)
        content = {"key": key, "content": dict(zip(COSTS, figures, strict=True))}
        write_json(file, content)


def cost_file(results: Path, folder: str) -> Path:
    """Return the file with the costs of a method."""
    return results / COST / f"{folder}.json"

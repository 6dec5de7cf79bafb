"""Write the model-zoo metafiles: ``configs/<method>/metafile.yml`` and ``model-index.yml``.

They hold, for programs, what the methods' pages and the benchmark's results say: paper, configs,
and the metrics that were measured. ``--check`` writes nothing and fails if a file is out of date.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config

from geoloc.benchmark.collect import seed_folders
from geoloc.benchmark.preset import PRESETS
from geoloc.benchmark.statistics import estimate
from geoloc.command_line import run_command
from geoloc.engine.generated_files import add_check_option, write_or_check
from geoloc.errors import ConfigError
from geoloc.evaluation.results import read_json, read_metrics
from geoloc.export.model_facts import METRICS, metadata

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
BENCHMARKS = ROOT / "docs/benchmarks"
SOURCE = re.compile(r"^Source: (.+?)\n\s*\n", re.MULTILINE | re.DOTALL)
ARXIV = re.compile(r"arXiv (\d{4}\.\d{4,5})")


def main() -> None:
    """Parse the command line and write or check the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_check_option(parser)
    args = parser.parse_args()
    write_or_check(files(), ROOT, args.check)


def files() -> Iterator[tuple[Path, str]]:
    """Yield every file and its text."""
    folders = sorted(path.parent for path in CONFIGS.glob("[!_]*/README.md"))
    for folder in folders:
        yield folder / "metafile.yml", _yaml(metafile(folder))
    imports = [f"configs/{folder.name}/metafile.yml" for folder in folders]
    yield ROOT / "model-index.yml", _yaml({"Import": imports})


def metafile(folder: Path) -> dict[str, Any]:
    """Return what is known about a method and its configs.

    Raises:
        ConfigError: If the method's page does not name its source.
    """
    page = (folder / "README.md").read_text()
    if not (source := SOURCE.search(page)):
        raise ConfigError(f"{folder / 'README.md'} has no paragraph 'Source: ...'")
    name = page.partition("\n")[0].removeprefix("# ")
    paper = {"Title": " ".join(source[1].split())}
    if arxiv := ARXIV.search(paper["Title"]):
        paper["URL"] = f"https://arxiv.org/abs/{arxiv[1]}"
    readme = f"configs/{folder.name}/README.md"
    models = [model(file, name) for file in sorted(folder.glob("*.py"))]
    return {
        "Collections": [{"Name": name, "Paper": paper, "README": readme}],
        "Models": models,
    }


def model(file: Path, collection: str) -> dict[str, Any]:
    """Return the entry of a config, with its results in the benchmark."""
    cfg = Config.fromfile(str(file))
    entry: dict[str, Any] = {
        "Name": file.stem,
        "In Collection": collection,
        "Config": str(file.relative_to(ROOT)),
        "Metadata": metadata(cfg),
    }
    if results := list(_results(file)):
        entry["Results"] = results
    return entry


def _results(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the means over the seeds of every preset that ran a config, per task."""
    for name, preset in PRESETS.items():
        if not file.stem.startswith(file.parent.name) or not file.stem.endswith(f"_{preset.data}"):
            continue
        folders = seed_folders(BENCHMARKS / name / "results" / file.parent.name, None)
        contents = [read_metrics(folder) for folder in folders]
        for task in dict.fromkeys(task for content in contents for task in content):
            found = [content[task] for content in contents if task in content]
            metrics = {
                metric: round(estimate([each[metric] for each in found]).mean, 2)
                for metric in METRICS
                if metric in found[0]
            }
            protocol = read_json(folders[0] / "metrics.json")["protocol"]
            yield {
                "Task": task,
                "Dataset": f"{protocol['dataset']} ({protocol['fingerprint']})",
                "Preset": name,
                "Seeds": len(found),
                "Metrics": metrics,
            }


def _yaml(content: dict[str, Any]) -> str:
    heading = "# Written by python tools/metafiles.py.\n"
    return heading + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


if __name__ == "__main__":
    run_command(main)

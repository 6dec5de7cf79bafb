"""Write docs/methods.md and the numbers in the methods' pages, from configs and results.

``--add RUN`` first takes over the results of finished runs; ``--check`` writes nothing and fails
if a page is out of date.
"""

import argparse
import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

import geoloc.models  # noqa: F401  registers the parts
from geoloc.command_line import run_command
from geoloc.engine.generated_files import add_check_option, write_or_check
from geoloc.errors import ConfigError
from geoloc.evaluation.comparison import comparison, markdown
from geoloc.evaluation.results import FACTS, Results, read_json
from geoloc.registry import HEADS, LOCATION_ENCODERS, LOSSES, MINERS, NECKS

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
RESULTS = ROOT / "docs/benchmarks/single_runs"
PAPERS = ROOT / "docs/benchmarks/paper_results.json"
TESTS = ROOT / "tests"
GOLDEN = sorted(path.stem for path in (TESTS / "golden").glob("*.npz"))  # conformance vectors
# What stands between these is written here; the first names the method in the papers' tables, or
# is "-" if they have no row of it.
NUMBERS = re.compile(r"(<!-- numbers of (.*?) -->\n)(.*?)(?=<!-- end of numbers -->)", re.DOTALL)
METHODS_PAGE = """# Methods

Written by `python tools/method_pages.py` from the configs. A method is one folder of `configs`; its
page has the idea, the equation, the source and the numbers. The parts are the first config's.
Methods of the papers' tables that are not defined well enough have [a page of their
own](methods_left_out.md).

{methods}

## Results of the configs on CampusWorld

To compare methods, [run the benchmark](benchmark.md): several seeds from a common start. The table
below only tells what each config gives as it stands.

In percent, one run with seed 0 each, from random weights; the methods' pages tell the commands. The
scale of DyCL was chosen on these test campuses. A method without a row was not run yet.

Two points between rows mean little: from other start weights (geoloc 0.1.0+g587c1fb) the same
config of InfoNCE gave an H-AP of 24.35 and 19.31.

{results}

## Losses

Any of these goes into `model.losses` of a config. A test in italics compares with values of
official code, the others with independent derivations.

{losses}
"""


def main() -> None:
    """Parse the command line and write or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--add", nargs="+", default=[], metavar="RUN", help="finished run folder")
    add_check_option(parser)
    args = parser.parse_args()
    for run in args.add:
        add_result(Path(run))
    write_or_check(pages(), ROOT, args.check)


def add_result(run: Path) -> None:
    """Copy the metrics of a run that is named after its config."""
    name = run.resolve().name
    if not list(CONFIGS.glob(f"*/{name}.py")):
        raise ConfigError(f"{run}: there is no config {name}.py; name the folder after its config")
    if not (run / "metrics.json").is_file():
        raise ConfigError(f"{run} is no finished run: it has no metrics.json")
    RESULTS.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "metrics.json", RESULTS / f"{name}.json")


def pages() -> Iterator[tuple[Path, str]]:
    """Yield every generated page and its text."""
    folders = sorted(path.parent for path in CONFIGS.glob("[!_]*/README.md"))
    yield ROOT / "docs/methods.md", methods_page(folders)
    for folder in folders:
        page = folder / "README.md"
        text = page.read_text()
        if not (block := NUMBERS.search(text)):
            raise ConfigError(f"{page} has no block <!-- numbers of METHOD --> for its numbers")
        numbers = "\n\n".join([*published(block[2]), *own_results(folder)])
        yield page, text[: block.start(3)] + numbers + "\n" + text[block.end(3) :]


def published(method: str) -> Iterator[str]:
    """Yield what the papers print for a method, one table per dataset."""
    papers = [paper for paper in read_json(PAPERS)["tables"] if method in paper["results"]]
    # Tables with a name vary something or repeat numbers; they count for what stands nowhere else.
    papers = [paper for paper in papers if "name" not in paper] or papers
    if not papers and method != "-":
        raise ConfigError(f"<!-- numbers of {method} -->: no table in {PAPERS.name} has that row")
    for paper in papers:
        source = f"Paper, {method} on {paper['data']} ({paper['source']})"
        yield f"{source}, percent:\n\n{by_task(paper['results'][method])}"


def own_results(folder: Path) -> Iterator[str]:
    """Yield our results of a method's configs, and what was not run."""
    missing = []
    for config in sorted(folder.glob("*.py")):
        result = RESULTS / f"{config.stem}.json"
        if not result.is_file():
            missing.append(f"`{config.name}`")
            continue
        content = read_json(result)
        protocol = content["protocol"]
        yield (
            f"Ours, {protocol['dataset']} ({protocol['fingerprint']}), percent, one run of "
            f"`python tools/train.py {config.relative_to(ROOT)}` with geoloc "
            f"{content['geoloc_version']}:\n\n{by_task(read_tasks(result))}"
        )
    if missing:
        yield f"Ours, not run yet: {', '.join(missing)}."


def by_task(results: Results) -> str:
    """Return a table with one row per task."""
    (cells,) = comparison({task: {"": metrics} for task, metrics in results.items()}).values()
    return markdown([["", *cells[0][1:]], *cells[1:]])


def methods_page(folders: list[Path]) -> str:
    """Return docs/methods.md: a row per method, then a row per loss."""
    methods = [["method", "loss", "neck", "head", "sampler", "configs", "tests"]]
    losses = [["loss", "", "tests"]]
    for name, loss in sorted(LOSSES.module_dict.items()):
        if loss.__module__.startswith("geoloc."):  # not a plugin that happens to be installed
            summary = (inspect.getdoc(loss) or "").partition("\n")[0]
            losses.append([f"`{name}`", summary, test_of(loss)])
    methods += map(method_row, folders)
    return METHODS_PAGE.format(
        methods=markdown(methods, "left"), results=results_of_all(), losses=markdown(losses, "left")
    )


def results_of_all() -> str:
    """Return our results of all configs, a table per task."""
    files = {path.stem: path for path in sorted(RESULTS.glob("*.json"))}
    sections = []
    for task, (head, *rows) in comparison({run: read_tasks(files[run]) for run in files}).items():
        table = [[*head, "geoloc"]]
        table += [[*row, read_json(files[row[0]])["geoloc_version"]] for row in rows]
        sections.append(f"**{task}**\n\n{markdown(table)}")
    return "\n\n".join(sections)


def read_tasks(result: Path) -> Results:
    """Return the metrics per task of one of our results."""
    return {key: value for key, value in read_json(result).items() if key not in FACTS}


def method_row(folder: Path) -> list[str]:
    """Return the cells of one method, read from its configs."""
    files = sorted(folder.glob("*.py"))
    cfg = Config.fromfile(str(files[0]))
    model = cfg.model
    losses = losses_of(model)
    parts = [part for loss in losses for part in nested(loss)]
    tests = [test_of(LOSSES.get(part)) for part in dict.fromkeys(parts)]
    cells = [" + ".join(" of ".join(nested(loss)) for loss in losses) or "cross-entropy"]
    for registry, part in ((NECKS, model.get("neck")), (HEADS, model.head)):
        types = types_of(part) if part else []
        cells.append(" and ".join(kind.removeprefix("mmpretrain.") for kind in types))
        tests += [test_of(registry.get(kind)) for kind in types]
    cells.append(cfg.train_dataloader.sampler.type)
    if miner := model.get("miner"):
        cells[-1] += f" + {miner.type}"
        tests.append(test_of(MINERS.get(miner.type)))
    if encoder := model.get("location_encoder"):
        tests.append(test_of(LOCATION_ENCODERS.get(encoder.type)))
    title = (folder / "README.md").read_text().partition("\n")[0].removeprefix("# ")
    configs = [
        f"[{file.stem.removeprefix(folder.name + '_')}](../{file.relative_to(ROOT)})"
        for file in files
    ]
    tests = [test for test in dict.fromkeys(tests) if test]
    page = f"[{title}](../{folder.relative_to(ROOT)})"
    return [page, *cells, "<br>".join(configs), "<br>".join(tests)]


def losses_of(model: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the configs of a model's losses; of one without a choice, such as GeoCLIP's, none."""
    if "losses" in model:
        return list(model["losses"].values())
    return [model["loss"]] if model.get("loss") else []


def types_of(part: dict[str, Any]) -> list[str]:
    """Return the type of a part, or its types if it has a config per view."""
    configs = [part] if "type" in part else part.values()
    return list(dict.fromkeys(config["type"] for config in configs))


def nested(loss: dict[str, Any]) -> list[str]:
    """Return the type of a loss and of the losses inside it."""
    inner = loss.get("loss")
    return [loss["type"], *(nested(inner) if isinstance(inner, dict) else [])]


def test_of(part: type) -> str:
    """Return a link to the test of a part of geoloc; in italics if it uses conformance vectors."""
    if not part.__module__.startswith("geoloc."):
        return ""
    module = part.__module__.rpartition(".")[2]
    files = sorted(TESTS.glob("*/test_*.py"))
    named = [file for file in files if file.stem == f"test_{module}"]
    using = [
        file for file in files if re.search(rf"import .*\b{part.__name__}\b", file.read_text())
    ]
    if not (found := named or using):
        raise ConfigError(f"{part.__name__} has no test: expected tests/*/test_{module}.py")
    text = found[0].read_text()
    mark = "*" if any(f'"{name}"' in text for name in GOLDEN) else ""
    return f"{mark}[{found[0].stem}](../{found[0].relative_to(ROOT)}){mark}"


if __name__ == "__main__":
    run_command(main)

"""Look into a finished run: every query, the failures with their pictures, results by distance."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from geoloc.analysis.distance_curves import distance_curves
from geoloc.analysis.queries import describe_queries, write_queries
from geoloc.array_files import ArrayFault, read_arrays
from geoloc.command_line import run_command
from geoloc.datasets.place_levels import place_levels
from geoloc.errors import DatasetError
from geoloc.evaluation.results import load_run
from geoloc.visualization.failure_browser import failure_page

ORDER = "H-AP"  # what the worst queries are lowest in
COLUMNS = (ORDER, "NDCG", "error_m")


def main() -> None:
    """Parse the command line and write the folder ``analysis`` of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="folder of the images, for the page of failures"
    )
    parser.add_argument("--task", default="drone->satellite", help="default: %(default)s")
    parser.add_argument("--worst", type=int, default=50, help="queries on the page of failures")
    parser.add_argument("--depth", type=int, default=5, help="results to tell of every query")
    args = parser.parse_args()
    array, index, content = load_run(args.run)
    if args.task not in content:
        tasks = ", ".join(key for key in content if "->" in key and "[" not in key)
        raise DatasetError(f"--task {args.task}: {args.run} was evaluated on {tasks}")
    descriptors = torch.from_numpy(array)
    thresholds_m = content["protocol"]["thresholds_m"]
    folder = args.run / "analysis" / args.task.replace("->", "_to_").replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    values = read_per_query(args.run / "per_query.npz", args.task)
    if ORDER not in values:
        raise DatasetError(f"{args.run}: per_query.npz has no {ORDER} of {args.task}")
    queries = describe_queries(descriptors, index, thresholds_m, args.task, values, args.depth)
    write_queries(queries, index, folder / "queries.csv")
    if index.has_positions:
        curves = distance_curves(descriptors, index, thresholds_m, args.task)
        text = json.dumps(curves._asdict(), indent=2, allow_nan=False)
        (folder / "distance.json").write_text(text + "\n")
    worst = sorted(queries, key=lambda query: query.values[ORDER])[: args.worst]
    failures = [
        {
            "query": str(index.path[query.row]),
            **query._asdict(),
            "first": [
                {"path": str(index.path[found.row]), **found._asdict()} for found in query.first
            ],
        }
        for query in worst
    ]
    (folder / "failures.json").write_text(json.dumps(failures, indent=2) + "\n")
    if args.root is not None:
        levels = place_levels(index, thresholds_m)
        images = replace(index, root=args.root)
        page = failure_page({args.task: worst}, images, levels.highest)
        (folder / "failures.html").write_text(page, encoding="utf-8")
    print(f"Written to {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


def read_per_query(path: Path, task: str) -> dict[str, np.ndarray]:
    """Return the values of every query, also those after re-ranking as ``H-AP [MSRerank]``."""
    if not path.is_file():
        raise DatasetError(f"{path} does not exist; evaluate the run again")
    values = {}
    try:
        arrays = read_arrays(path)
    except ArrayFault as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    for name, array in arrays.items():
        of_task, _, metric = name.rpartition("/")
        plain, bracket, reranking = of_task.partition(" [")
        if plain == task and metric in COLUMNS:
            values[metric + bracket + reranking] = array
    return values


if __name__ == "__main__":
    run_command(main)

"""The command that evaluates descriptors; no model is needed."""

import argparse
from pathlib import Path

from geoloc.datasets.index import Index
from geoloc.datasets.protocol import Protocol
from geoloc.engine.command_line import rerank_config
from geoloc.errors import ConfigError
from geoloc.evaluation import HierarchicalRetrieval
from geoloc.evaluation.descriptor_files import read_descriptors
from geoloc.evaluation.results import format_evaluation, read_json, save_run
from geoloc.geo import check_thresholds
from geoloc.geo.relevance import DA_CAMPUS_THRESHOLDS_M


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "descriptors",
        type=Path,
        metavar="DESCRIPTORS",
        help="run folder, or a .npy or .npz file with one row per line of the index",
    )
    parser.add_argument(
        "--index",
        type=Path,
        help="CSV file path,view,place,lat,lon,split (default: index.csv beside them)",
    )
    parser.add_argument(
        "--thresholds",
        type=float,
        nargs="+",
        metavar="METRES",
        help="bounds of the levels, nearest first (default: the run's; else "
        f"{' '.join(f'{bound:g}' for bound in DA_CAMPUS_THRESHOLDS_M)} where the index has "
        "positions, and its labels where not)",
    )
    parser.add_argument(
        "--tasks",
        nargs="+",
        default=["drone->satellite", "satellite->drone"],
        help="query->gallery, each a view or split/view (default: %(default)s)",
    )
    parser.add_argument(
        "--metrics",
        nargs="+",
        help="of H-AP ASI NDCG NDCG@K mAP mAP@R AP# R@K R@1%% cost@K SDM@K error",
    )
    parser.add_argument(
        "--rerank",
        nargs="+",
        metavar="NAME KEY=VALUE",
        help="evaluate re-ranked too, for example: MSRerank k1_list=20,62,292",
    )
    parser.add_argument("--official", choices=["dycl"], help="repeat the bugs of a released code")
    parser.add_argument(
        "--resample",
        choices=["place", "query"],
        default="place",
        help="what the bootstrap draws (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="save the results as a run")


def run(args: argparse.Namespace) -> None:
    """Evaluate, and print what came out."""
    metric = HierarchicalRetrieval(
        args.tasks,
        args.metrics,
        args.official,
        rerank=rerank_config(args.rerank),
        resample=args.resample,
    )
    is_run = args.descriptors.is_dir()
    folder = args.descriptors if is_run else args.descriptors.parent
    index = Index.read_csv(args.index or folder / "index.csv")
    thresholds = _thresholds(args.thresholds, folder / "metrics.json" if is_run else None, index)
    descriptors = read_descriptors(folder / "descriptors.npy" if is_run else args.descriptors)
    results = metric.measure(descriptors, index, thresholds)
    print(format_evaluation(results, whole=True))
    if args.out is not None:
        protocol = Protocol.of(args.descriptors.stem, index, thresholds).as_dict()
        save_run(args.out, results, descriptors.numpy(), index, protocol)
        print(f"Results are in {args.out}")


def _thresholds(given: list[float] | None, run: Path | None, index: Index) -> tuple[float, ...]:
    if given is not None:
        if not index.has_positions:
            raise ConfigError(
                f"--thresholds {given} needs positions, but the index has no lat and lon; leave "
                "the option out to take the levels from its labels"
            )
        return check_thresholds(given)
    if run is not None and run.is_file():
        return tuple(read_json(run).get("protocol", {}).get("thresholds_m", DA_CAMPUS_THRESHOLDS_M))
    return DA_CAMPUS_THRESHOLDS_M if index.has_positions else ()

"""The command that regenerates a table.

A call that was stopped or killed is resumed by repeating it; what is done is not done again.
"""

import argparse
import signal
import sys
from pathlib import Path

from geoloc.benchmark.collect import collect, read_published
from geoloc.benchmark.cost import measure_costs
from geoloc.benchmark.curves import curves_of
from geoloc.benchmark.job import Job
from geoloc.benchmark.plan import Folders, make_plan
from geoloc.benchmark.preset import PRESETS
from geoloc.benchmark.progress import Progress
from geoloc.benchmark.report import write_report
from geoloc.benchmark.schedule import LOG, last_line, train_jobs
from geoloc.benchmark.suites import SUITES
from geoloc.errors import ConfigError
from geoloc.repository import find_repository


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("suite", choices=sorted(SUITES), help="which table")
    parser.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        default="campusworld-mini",
        help="data and budget (default: %(default)s)",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="folders of configs, such as dycl happier (default: all of the table)",
    )
    parser.add_argument("--seeds", type=_count, metavar="N", help="default: the preset's")
    parser.add_argument("--jobs", type=_count, default=1, help="runs at a time (default: 1)")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on from what is there, which is the default; --no-resume trains all runs again",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("work_dirs/benchmark"),
        metavar="DIR",
        help="default: %(default)s",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="folder for metrics and tables, which is small enough to keep (default: --out)",
    )
    parser.add_argument(
        "--report-only", action="store_true", help="train nothing, lay out what is there"
    )


def run(args: argparse.Namespace) -> None:
    """Train what is missing, write the report, and say where it is."""
    repository = find_repository()
    if repository is None:
        raise ConfigError(
            "a benchmark trains the configs of geoloc's repository, which are not part of an "
            "installed package; clone the repository and run this command in it"
        )
    # As an interruption, so that the processes that train end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    suite, preset = SUITES[args.suite], PRESETS[args.preset]
    out = args.out / args.preset
    results = args.results / args.preset if args.results else out
    seeds = args.seeds or preset.seeds
    failed: list[Job] = []
    if not args.report_only:
        configs = repository / "configs"
        folders = Folders(configs, args.out / "starts", out / "runs", results / "results")
        plan = make_plan(suite, preset, folders, seeds, args.methods)
        if not args.resume:
            for job in plan.methods:
                job.forget()
        for jobs in ([plan.start] if plan.start else [], plan.methods):
            with Progress(jobs) as progress:
                failed += train_jobs(jobs, args.jobs, progress)
            if failed:
                break
        measure_costs(suite, configs, results / "results", args.methods)
    published = repository / "docs/benchmarks/paper_results.json"
    paper = read_published(published, suite.paper_data)
    table = collect(args.suite, suite, results / "results", seeds, paper)
    folder = results / args.suite
    write_report(table, curves_of(suite, table, results / "results", seeds), folder)
    print(f"The tables are in {folder}: index.html, table.md, table.tex, table.csv")
    if failed:
        for job in failed:
            print(f"failed: {job.name} seed {job.seed}: {last_line(job)} ({job.folder / LOG})")
        sys.exit(1)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)

"""The command that writes the failures of a run as a page to filter."""

import argparse
import webbrowser
from pathlib import Path

from geoloc.errors import ConfigError, DatasetError
from geoloc.visualization.failure_browser import failure_page
from geoloc.visualization.run_folder import RunFolder, read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("work_dir", type=Path, help="run folder")
    parser.add_argument("--out", type=Path, help="the page (default: WORK_DIR/failures.html)")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="folder of the images (default: the config's)"
    )
    parser.add_argument("--task", help="for example 'drone->satellite' (default: all of the run)")
    parser.add_argument(
        "--worst", type=int, default=50, help="queries of each task (default: %(default)s)"
    )
    parser.add_argument(
        "--depth", type=int, default=5, help="results of each query (default: %(default)s)"
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")


def run(args: argparse.Namespace) -> None:
    """Write the page, say where it is, and open it if asked to.

    Raises:
        ConfigError: If an argument cannot work.
        DatasetError: If the folder or its images are not enough for pictures of queries.
    """
    for name in ("worst", "depth"):
        if getattr(args, name) < 1:
            raise ConfigError(f"--{name} {getattr(args, name)} must be at least 1")
    work = read_run(args.work_dir, args.root, args.depth)
    if reason := work.why_no_pictures:
        raise DatasetError(reason)
    page = args.out or args.work_dir / "failures.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(_page(work, args.task, args.worst), encoding="utf-8")
    print(f"Written: {page}")
    if args.open and not webbrowser.open(page.resolve().as_uri()):
        print("No browser was found; open the file yourself.")


def _page(work: RunFolder, task: str | None, worst: int) -> str:
    tasks = list(work.queries) if task is None else [task]
    if tasks[0] not in work.queries:
        raise DatasetError(
            f"--task {task}: {work.folder} was evaluated on {', '.join(work.queries)}"
        )
    assert work.index is not None
    failures = {name: work.worst_first(name)[:worst] for name in tasks}
    return failure_page(failures, work.index, work.highest, work.order(tasks[0]))

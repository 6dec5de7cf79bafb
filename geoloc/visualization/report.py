"""One page per run: what was trained and evaluated, and what came out."""

from collections.abc import Callable
from html import escape
from pathlib import Path

from geoloc.visualization.failure_browser import browser_script, browser_style
from geoloc.visualization.offline_page import asset, offline_page
from geoloc.visualization.report_pictures import (
    embedding_section,
    error_section,
    examples_section,
    failures_section,
    places_section,
    training_section,
)
from geoloc.visualization.report_tables import config_section, metrics_section, protocol_section
from geoloc.visualization.run_folder import RunFolder, read_run

SECTIONS: dict[str, Callable[[RunFolder], str]] = {
    "Metrics": metrics_section,
    "Protocol": protocol_section,
    "Training": training_section,
    "Errors": error_section,
    "Test places": places_section,
    "Descriptors": embedding_section,
    "Examples": examples_section,
    "Worst failures": failures_section,
    "Config": config_section,
}


def write_report(
    work_dir: str | Path, path: str | Path | None = None, root: str | Path | None = None
) -> Path:
    """Write the report of a run as one HTML file that needs nothing else.

    What the folder lacks is said in a sentence in its place.

    Args:
        work_dir: Run folder.
        path: The file; ``report.html`` in the run folder by default.
        root: Folder of the test images; by default the one that the run's config names.

    Returns:
        The file.

    Raises:
        DatasetNotFoundError: If there is no such folder.
        DatasetError: If it holds nothing of a run, or a file cannot be read.
    """
    run = read_run(work_dir, root)
    title = f"Run {Path(work_dir).resolve().name}"
    links = [
        f'<li><a href="#section-{place}">{escape(name)}</a></li>'
        for place, name in enumerate(SECTIONS)
    ]
    sections = [
        f'<section id="section-{place}">\n<h2>{escape(name)}</h2>\n{section(run)}</section>\n'
        for place, (name, section) in enumerate(SECTIONS.items())
    ]
    body = f"""<header>
<h1>{escape(title)}</h1>
<nav aria-label="Contents"><ul>{"".join(links)}</ul></nav>
</header>
<main>
{"".join(sections)}</main>
"""
    style = browser_style() + asset("report.css")
    file = Path(path) if path is not None else run.folder / "report.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    page = offline_page(f"geoloc: {title}", style, body, browser_script())
    file.write_text(page, encoding="utf-8")
    return file

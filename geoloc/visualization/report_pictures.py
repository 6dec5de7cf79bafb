"""The parts of a report that are pictures."""

import numpy as np

from geoloc.datasets.index import Index
from geoloc.geo import campus_labels
from geoloc.visualization.embedding_map import embedding_figure
from geoloc.visualization.error_distribution import error_figure
from geoloc.visualization.failure_browser import failure_browser
from geoloc.visualization.figure_style import figure_html
from geoloc.visualization.place_map import CAMPUS_RADIUS_M, place_figure
from geoloc.visualization.relevance_colours import metres
from geoloc.visualization.report_tables import sentence
from geoloc.visualization.retrieval_panel import panel_html, panel_of_query
from geoloc.visualization.run_folder import RunFolder
from geoloc.visualization.training_curves import curve_figure, loss_curves, score_curves

EXAMPLES, WORST = 4, 12  # queries per task
PICTURE_PX = 240
DEFAULT_BOUNDS_M = (200.0, 500.0)


def training_section(run: RunFolder) -> str:
    """Return the curves of the losses and of the scores between."""
    if not run.scalars:
        return sentence(
            f"{run.folder} has no vis_data/scalars.json, which a training writes: there are no "
            "curves."
        )
    parts = []
    for name, curves, x_label, y_label in (
        ("losses", loss_curves(run.scalars), "iteration", "loss"),
        ("scores", score_curves(run.scalars), "epoch", "percent"),
    ):
        if curves:
            label = f"Curves of {', '.join(curves)} over the {x_label}s"
            parts.append(figure_html(curve_figure(curves, x_label, y_label), name, label))
        else:
            parts.append(sentence(f"The records of the training hold no {name}."))
    return "".join(parts)


def error_section(run: RunFolder) -> str:
    """Return the distribution of the errors of every task."""
    if not run.queries:
        return sentence(run.why_no_queries)
    parts = []
    for place, task in enumerate(run.queries):
        errors = run.errors_m(task)
        if not errors.size:
            parts.append(sentence(f"{task}: the places have no positions, so errors are unknown."))
            continue
        median, mean = metres(float(np.median(errors))), metres(float(errors.mean()))
        text = f"{task}: {errors.size} queries, median error {median}, mean error {mean}"
        figure = error_figure(errors, run.thresholds_m or DEFAULT_BOUNDS_M)
        parts.append(figure_html(figure, f"errors-{place}", text, text))
    return "".join(parts)


def places_section(run: RunFolder) -> str:
    """Return a map of the test places, coloured by the median error of their queries."""
    if run.index is None:
        return sentence(f"{run.folder} has no index.csv, which names the test images.")
    if not run.index.has_positions:
        return sentence("The test places have no positions, so there is no map.")
    if not run.queries:
        return sentence(run.why_no_queries)
    parts = []
    for place, (task, queries) in enumerate(run.queries.items()):
        label = run.index.place_labels[[query.row for query in queries]]
        errors = run.errors_m(task)
        medians = [
            float(np.median(errors[label == each])) if (label == each).any() else np.nan
            for each in range(len(run.index.places))
        ]
        bounds = run.thresholds_m or DEFAULT_BOUNDS_M
        figure = place_figure(run.index.place_latlon, medians, bounds)
        text = f"{task}: test places by the median error of their queries"
        parts.append(figure_html(figure, f"places-{place}", text, text))
    return "".join(parts)


def embedding_section(run: RunFolder) -> str:
    """Return the descriptors on a plane, by view and by campus."""
    if run.index is None or run.descriptors is None:
        return sentence(f"{run.folder} has no descriptors.npy with an index.csv, so no embedding.")
    if run.mixed:
        return sentence(run.mixed)
    if len(run.index) < 2 or run.descriptors.shape[1] < 2:
        return sentence("An embedding map needs at least two images and two dimensions.")
    groups = {"view": run.index.view}
    if run.index.has_positions:
        campus = _campuses(run.index)
        if campus.max() > 0:
            groups["campus"] = np.char.add("campus ", (campus + 1).astype(str))
    return "".join(
        figure_html(
            embedding_figure(run.descriptors, values, f"Descriptors by {name}"),
            f"embedding-{name}",
            f"Descriptors of the test images on their first two principal axes, by {name}",
        )
        for name, values in groups.items()
    )


def _campuses(index: Index) -> np.ndarray:
    return campus_labels(index.place_latlon, CAMPUS_RADIUS_M)[index.place_labels]


def examples_section(run: RunFolder) -> str:
    """Return queries of every task, evenly spread from the worst to the best."""
    if reason := run.why_no_pictures:
        return sentence(reason)
    assert run.index is not None
    parts = []
    for task in run.queries:
        queries = run.worst_first(task)
        rows = np.unique(np.linspace(0, len(queries) - 1, EXAMPLES).round().astype(int))[::-1]
        parts.append(f"<h3>{task.replace('->', ' → ')}</h3>\n")
        for row in rows.tolist():
            panel = panel_of_query(queries[row], run.index, run.highest)
            parts.append(sentence(panel.title) + panel_html(panel, PICTURE_PX))
    return "".join(parts)


def failures_section(run: RunFolder) -> str:
    """Return the worst queries of every task, to be filtered."""
    if reason := run.why_no_pictures:
        return sentence(reason)
    assert run.index is not None
    failures = {task: run.worst_first(task)[:WORST] for task in run.queries}
    return failure_browser(failures, run.index, run.highest, PICTURE_PX)

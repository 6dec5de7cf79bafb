"""The parts of a report that are numbers and text."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from geoloc.evaluation.results import TABLE_ROWS
from geoloc.visualization.run_folder import RunFolder


def sentence(text: str) -> str:
    """Return a paragraph that says why something is not there."""
    return f'<p class="muted">{escape(text)}</p>\n'


def table(
    label: str, heading: Iterable[str], rows: Iterable[Sequence[str]], style: str = ""
) -> str:
    """Return a table of texts in a frame of its own; the first cell names the row."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in heading)
    lines = [
        f'<tr><th scope="row">{escape(cells[0])}</th>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in cells[1:])}</tr>\n"
        for cells in rows
    ]
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">\n'
        f'<table class="{style}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(lines)}</tbody></table>\n</div>\n"
    )


def protocol_section(run: RunFolder) -> str:
    """Return what was evaluated: dataset, counts, levels, fingerprints, version."""
    if not run.content:
        return sentence(f"{run.folder} has no metrics.json; evaluate the run to know its protocol.")
    protocol = run.content.get("protocol", {})
    facts = [
        ("dataset", protocol.get("dataset")),
        *_counts(protocol.get("splits", {})),
        ("bounds of the levels", ", ".join(f"{bound:g} m" for bound in run.thresholds_m) or "none"),
        ("protocol fingerprint", protocol.get("fingerprint")),
        ("config hash", run.content.get("config_hash")),
        ("geoloc", run.content.get("geoloc_version")),
    ]
    known = [(name, str(value)) for name, value in facts if value is not None]
    return table("Protocol", ("", "value"), known)


def _counts(splits: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for split, counts in splits.items():
        images = ", ".join(f"{count} {view}" for view, count in counts.get("images", {}).items())
        yield f"split {split}", f"{counts.get('places', '?')} places; images: {images}"


def metrics_section(run: RunFolder) -> str:
    """Return the metrics of every task with their intervals."""
    metrics = run.metrics
    if not metrics:
        return sentence(f"{run.folder} has no metrics.json; evaluate the run to know its metrics.")
    intervals = run.content.get("intervals") or {}
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    usual = [name for name in TABLE_ROWS if name in names]
    errors = [name for name in names if name.startswith("error/")]
    main = [*usual, *(name for name in errors if name not in usual)] or names
    rest = [name for name in names if name not in main]
    note = "Percent, except errors that end in _m, which are metres"
    note += "; [95 % bootstrap interval]." if intervals else "."
    more = _metric_table("More metrics", rest, metrics, intervals)
    details = f"<details><summary>More metrics</summary>\n{more}</details>\n" if rest else ""
    return f"<p>{note}</p>\n{_metric_table('Metrics', main, metrics, intervals)}{details}"


def _metric_table(
    label: str,
    names: Iterable[str],
    metrics: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Mapping[str, Sequence[float]]],
) -> str:
    rows = [
        [
            name,
            *(
                _cell(values.get(name), intervals.get(task, {}).get(name))
                for task, values in metrics.items()
            ),
        ]
        for name in names
    ]
    return table(label, ("metric", *metrics), rows, "numbers")


def _cell(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "-"
    shown = f"{value:.2f}" if isinstance(value, float) else f"{value}"
    return f"{shown} [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else shown


def config_section(run: RunFolder) -> str:
    """Return the whole config, folded."""
    if not run.config:
        return sentence(f"{run.folder} has no config; geoloc train writes it there.")
    text = escape(run.config)
    return (
        f"<details><summary>The whole config</summary>\n"
        f'<pre class="scroll" tabindex="0">{text}</pre></details>\n'
    )

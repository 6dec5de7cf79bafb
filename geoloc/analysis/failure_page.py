"""The worst queries with their pictures, as one HTML file that needs nothing else."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from geoloc.visualization.offline_page import offline_page
from geoloc.analysis.queries import Found, Query
from geoloc.datasets.index import Index

THUMBNAIL_PX = 128
_STYLE = """:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 75rem; padding: 0 1rem 2rem; }
h1 { font-size: 1.4rem; }
article { border-top: 1px solid #8886; padding: .8rem 0; }
h2 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
.pictures { display: flex; gap: .8rem; overflow-x: auto; }
figure { flex: none; margin: 0; width: 128px; }
img { border: 4px solid transparent; border-radius: 4px; display: block; }
.query img { border-color: #8888; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; }
"""
# Okabe and Ito's colours, the place itself first; what is far has the last.
_COLOURS = ("#009e73", "#56b4e9", "#e69f00", "#d55e00")


def failure_page(queries: Sequence[Query], index: Index, task: str, highest: int) -> str:
    """Return a page with queries, their first results and how far off these are.

    Args:
        queries: To show, in this order.
        index: The test images, whose files exist.
        task: Stands above.
        highest: The highest level.
    """
    articles = [_article(query, index, highest) for query in queries]
    body = f"""<h1>{escape(task)}: the {len(queries)} queries with the lowest H-AP</h1>
<p>The frame of a result tells its level, from the place itself ({highest}) to far away (0).</p>
{"".join(articles)}"""
    return offline_page("geoloc: failures", _STYLE, body)


def _article(query: Query, index: Index, highest: int) -> str:
    rank = f"its place is found at rank {query.rank}" if query.rank else "its place is not there"
    figures = [_figure(index, query.row, "query", "query", "")]
    for place, found in enumerate(query.first, start=1):
        colour = _COLOURS[min(highest - found.level, len(_COLOURS) - 1)]
        style = f' style="border-color: {colour}"'
        figures.append(_figure(index, found.row, _caption(place, found), "result", style))
    return (
        f"<article>\n<h2>{escape(str(index.path[query.row]))}: "
        f"H-AP {100 * query.values['H-AP']:.1f}, {rank}</h2>\n"
        f'<div class="pictures" tabindex="0">\n{"".join(figures)}</div>\n</article>\n'
    )


def _caption(place: int, found: Found) -> str:
    distance = "" if found.distance_m is None else f", {found.distance_m:.0f} m"
    return f"{place}: level {found.level}{distance}"


def _figure(index: Index, row: int, caption: str, kind: str, style: str) -> str:
    path = str(index.path[row])
    return (
        f'<figure class="{kind}"><img src="{_data_uri(index.file(row))}" alt="{escape(path)}" '
        f'title="{escape(path)}" width="120"{style}>'
        f"<figcaption>{escape(caption)}</figcaption></figure>\n"
    )


def _data_uri(file: Path) -> str:
    with Image.open(file) as image:
        small = image.convert("RGB")
        small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        stream = io.BytesIO()
        small.save(stream, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"

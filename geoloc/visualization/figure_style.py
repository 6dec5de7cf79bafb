"""The common look of figures, and figures as a part of a page."""

import io
from html import escape
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from geoloc.visualization.inline_svg import inline_svg

# Okabe and Ito's colours, which colour-blind readers tell apart, without the yellow, which fades
# on white paper; hatches or markers tell them apart without colour.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
MARKERS = ("o", "s", "^", "D", "v", "X")
INK = "#000000"
GRID = "#80808050"
STYLE: dict[Any, Any] = {  # matplotlib types the keys in its newer releases only
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "geoloc",  # the same picture is the same file
    "text.parse_math": False,  # a $ in a name begins no formula
}


def write_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as an SVG file, which is the same whenever the figure is."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_svg(figure))
    return file


def figure_html(figure: Figure, name: str, label: str, caption: str = "") -> str:
    """Return a figure as an element of a page, in the page's colours.

    Args:
        figure: To show.
        name: Goes before the figure's identifiers, which are unique in the figure only.
        label: What a screen reader says.
        caption: Stands above.
    """
    picture = inline_svg(io.BytesIO(_svg(figure)), name, label)
    text = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="scroll" tabindex="0">{text}{picture}</figure>\n'


def _svg(figure: Figure) -> bytes:
    stream = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()

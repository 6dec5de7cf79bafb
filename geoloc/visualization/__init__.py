"""Pictures of what a model finds: retrieval panels, maps, failures, reports."""

from geoloc.visualization.embedding_map import embedding_figure
from geoloc.visualization.error_distribution import error_figure
from geoloc.visualization.failure_browser import failure_page
from geoloc.visualization.figure_style import write_figure
from geoloc.visualization.map_page import Tiles, write_map
from geoloc.visualization.panel_image import draw_panels, write_panels
from geoloc.visualization.place_map import place_figure
from geoloc.visualization.report import write_report
from geoloc.visualization.retrieval_panel import (
    RetrievalPanel,
    panel_html,
    panel_of_answer,
    panel_of_query,
)

__all__ = [
    "RetrievalPanel",
    "Tiles",
    "draw_panels",
    "embedding_figure",
    "error_figure",
    "failure_page",
    "panel_html",
    "panel_of_answer",
    "panel_of_query",
    "place_figure",
    "write_figure",
    "write_map",
    "write_panels",
    "write_report",
]

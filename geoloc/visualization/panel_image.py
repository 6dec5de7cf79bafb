"""Retrieval panels as one picture, for papers and slides."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from geoloc.visualization.retrieval_panel import Picture, RetrievalPanel
from geoloc.visualization.thumbnail import thumbnail

_PAPER, _INK = "#ffffff", "#1b1f24"
_GAP, _FRAME, _TEXT = 12, 6, 15  # pixels


def draw_panels(panels: Sequence[RetrievalPanel], size_px: int = 200) -> Image.Image:
    """Return panels below each other as a picture.

    Args:
        panels: At least one.
        size_px: Side of the square that every picture lies in.

    Raises:
        ValueError: If there is no panel.
    """
    if not panels:
        raise ValueError("draw_panels needs at least one panel")
    font = _font(_TEXT)
    columns = max(1 + len(panel.results) for panel in panels)
    cell, line = size_px + 2 * _FRAME, _TEXT + 6
    row = line + cell + 2 * line + _GAP
    size = (_GAP + columns * (cell + _GAP), _GAP + len(panels) * row)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, panel in enumerate(panels):
        top = _GAP + number * row
        draw.text((_GAP, top), _shortened(panel.title, font, size[0] - 2 * _GAP), _INK, font)
        for place, picture in enumerate((panel.query, *panel.results)):
            left = _GAP + place * (cell + _GAP)
            _draw_picture(sheet, picture, (left, top + line), size_px)
            caption = _wrapped(picture.caption, font, cell)
            draw.multiline_text((left, top + line + cell + 2), caption, _INK, font)
    return sheet


def write_panels(panels: Sequence[RetrievalPanel], path: str | Path, size_px: int = 200) -> Path:
    """Write panels as an image file, such as a PNG; see ``draw_panels``."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    draw_panels(panels, size_px).save(file)
    return file


def _draw_picture(
    sheet: Image.Image, picture: Picture, corner: tuple[int, int], size_px: int
) -> None:
    side = size_px + 2 * _FRAME
    tile = Image.new("RGB", (side, side), picture.colour)
    tile.paste(_PAPER, (_FRAME, _FRAME, _FRAME + size_px, _FRAME + size_px))
    image = thumbnail(picture.file, size_px)
    if image is None:
        text = _wrapped(f"{picture.name} cannot be read", _font(_TEXT), size_px)
        ImageDraw.Draw(tile).multiline_text((_FRAME + 4, _FRAME + 4), text, _INK, _font(_TEXT))
    else:
        tile.paste(
            image, (_FRAME + (size_px - image.width) // 2, _FRAME + (size_px - image.height) // 2)
        )
    sheet.paste(tile, corner)


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return a font that every installation has, with letters of most scripts of Europe."""
    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    return ImageFont.truetype(str(folder / "DejaVuSans.ttf"), size)


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """Return a text that fits into a line, the end of it cut off."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """Return a text in two lines at most."""
    first, words = "", text.split(" ")
    while words and font.getlength(f"{first} {words[0]}".strip()) <= width:
        first = f"{first} {words.pop(0)}".strip()
    rest = " ".join(words)
    return "\n".join(_shortened(line, font, width) for line in (first, rest) if line)

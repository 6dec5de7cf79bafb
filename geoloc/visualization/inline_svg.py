"""SVG files as parts of an HTML page."""

from pathlib import Path
from typing import IO
from xml.etree import ElementTree


def inline_svg(picture: Path | IO[bytes], name: str, label: str) -> str:
    """Return the picture of an SVG file as an element of HTML.

    Its black becomes the page's ink and its white the page's ground, so that it follows the page
    into the dark. Namespaces and metadata, which only a file of its own needs, are left out.

    Args:
        picture: An SVG file in the common style of figures.
        name: Goes before the picture's identifiers, which are unique in their file only.
        label: What a screen reader says.
    """
    root = ElementTree.parse(picture).getroot()
    for element in list(root.iter()):
        for child in list(element):
            # A style sheet inside the picture would be the whole page's.
            if _local(child.tag) in ("metadata", "style"):
                element.remove(child)
        element.tag = _local(element.tag)
        element.attrib = {
            _local(key): _adapted(_local(key), value, name) for key, value in element.attrib.items()
        }
    del root.attrib["height"]  # follows from the width and the view box
    root.attrib |= {"role": "img", "aria-label": label}
    root.attrib |= {"fill": "currentColor", "stroke-linejoin": "round"}
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _adapted(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return f"#{name}-{value.removeprefix('#')}"
    for old, new in (
        ("url(#", f"url(#{name}-"),
        ("#000000", "currentColor"),
        ("#ffffff", "var(--ground)"),
    ):
        value = value.replace(old, new)
    return value

"""HTML pages that need nothing else: no network, no other file."""

import json
from html import escape
from importlib import resources
from typing import Any

# The browser itself refuses whatever a page would load.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src {script}; img-src {images}"


def offline_page(title: str, style: str, body: str, script: str = "", images: str = "data:") -> str:
    """Return a whole page in the common theme.

    Args:
        title: Of the page, as text.
        style: CSS on top of the theme.
        body: HTML of the body; pictures are part of it (``data:`` or inline SVG).
        script: JavaScript that runs when the body is there; without it none is allowed.
        images: Where pictures may come from, in the words of a content security policy.
    """
    policy = _POLICY.format(script="'unsafe-inline'" if script else "'none'", images=images)
    run = f"<script>\n{script}</script>\n" if script else ""
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{escape(policy, quote=False)}">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{asset("theme.css")}{style}</style>
</head>
<body>
{body}{run}</body>
</html>
"""
    # Names of files may hold bytes that are no UTF-8, which Python carries as lone surrogates.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def asset(name: str, package: str = __package__) -> str:
    """Return a style sheet or a script that lies beside the modules of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def json_element(name: str, content: Any) -> str:
    """Return data for a page's script, which no text inside of it can end early.

    Args:
        name: Identifier of the element.
        content: What ``json`` can write; no NaN.
    """
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>\n'

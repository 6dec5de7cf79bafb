"""HTML pages that need nothing else: no network, no other file."""

from html import escape

# The browser itself refuses whatever a page would load.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src {script}; img-src data:"


def offline_page(title: str, style: str, body: str, script: str = "") -> str:
    """Return a whole page.

    Args:
        title: Of the page, as text.
        style: CSS.
        body: HTML of the body; pictures are part of it (``data:`` or inline SVG).
        script: JavaScript that runs when the body is there; without it none is allowed.
    """
    policy = _POLICY.format(script="'unsafe-inline'" if script else "'none'")
    run = f"<script>\n{script}</script>\n" if script else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
{body}{run}</body>
</html>
"""

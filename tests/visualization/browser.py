"""Pages in headless Chromium, and pages as a parser reads them."""

import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
SIZES = {"desktop": (1280, 1000), "phone": (390, 844)}  # width and height in pixels
VOID = {"meta", "link", "input", "img", "br"}


def visit(
    page: str, script: str, folder: Path, screen: str = "desktop"
) -> tuple[dict[str, Any], str]:
    """Return what a script saw in a page, and what the browser said.

    Args:
        page: HTML.
        script: JavaScript that runs when the page's own has, and fills the object ``seen``.
        folder: Empty; for the page and the browser's profile.
        screen: One of ``SIZES``.
    """
    driver = f"""<script>(async () => {{
const seen = {{}};
{script}
seen.width = innerWidth;
parent.postMessage(JSON.stringify(seen), "*");
}})();</script>
</body>"""
    width, height = SIZES[screen]
    # A window is at least 500 pixels wide, a frame may be a phone.
    frame = f"""<!doctype html><body><script>
addEventListener("message", (event) => {{
  const output = document.createElement("pre");
  output.id = "seen";
  output.textContent = event.data;
  document.body.append(output);
}});
</script><iframe src="page.html" style="width: {width}px; height: {height}px; border: 0"></iframe>
</body>"""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "page.html").write_text(page.replace("</body>", driver), encoding="utf-8")
    (folder / "frame.html").write_text(frame, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    options += ["--virtual-time-budget=2000", "--window-size=1400,1100", "--dump-dom"]
    command = [str(BROWSER), *options, f"--user-data-dir={folder / 'profile'}"]
    address = (folder / "frame.html").as_uri()
    done = subprocess.run([*command, address], capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    seen = json.loads(unescape(found[1]))
    assert seen.pop("width") == width
    return seen, done.stderr


class Page(HTMLParser):
    """The tags, attributes and texts of a page; every element must be closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self.open[-1:] == ["script"] else self.texts).append(data)

    def content(self) -> dict[str, Any]:
        """Return the data of a page's script."""
        return json.loads(next(text for text in self.scripts if text.startswith("{")))


def assert_asks_for_nothing(page: str) -> None:
    """Fail if a page names anything outside of itself, by its markup or its own words."""
    # Base64 holds any letters; an address of SVG names a language and is never fetched.
    words = re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", "", page)
    words = words.replace('"http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|@import|@font-face|\bfetch\(|XMLHttpRequest", words)
    assert "default-src 'none'" in page
    for tag, name, value in Page(page).attributes:
        assert name not in ("srcset", "action", "poster", "onclick", "onload"), (tag, name)
        if name == "src":
            assert (value or "").startswith("data:image/jpeg;base64,")
        if name == "href":
            assert (value or "").startswith("#") or (tag, value) == ("link", "data:,")

"""Sphinx: the site of the documentation.

``sphinx-build -W -c docs . site``: the source folder is the repository, so that the links of its
pages lead to the same place here and where the repository is hosted.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

from geoloc import __version__

ROOT = Path(__file__).parents[1]

project = "geoloc"
author = "the geoloc authors"
release = version = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
root_doc = "docs/index"
include_patterns = ["README.md", "docs/**", "configs/*/README.md", "benchmarks/README.md"]
exclude_patterns = [  # parts of READMEs
    f"docs/benchmarks/**/{part}.md" for part in ("table", "summary", "errors")
]

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4  # the anchors that code hosts give to headings
suppress_warnings = ["myst.header"]  # generated tables begin at the level of the page around them

autodoc_member_order = "groupwise"
autodoc_typehints = "both"  # in the description only of what it describes
autodoc_typehints_description_target = "documented"
python_maximum_signature_line_length = 88
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes of a class are described once, in its docstring
napoleon_attr_annotations = False  # the signature has them

html_theme = "furo"
html_title = "geoloc"
html_copy_source = False
html_extra_path = ["html"]  # the first page, which leads to the root document

_LINK = re.compile(r"(\]\()([^)\s#:]+)(\)|#)")


def _link_folders_to_their_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Let a link to a folder lead to its README, as code hosts do."""
    folder = (ROOT / page).parent

    def lead(match: re.Match[str]) -> str:
        readme = Path(match[2], "README.md")
        return f"{match[1]}{readme if (folder / readme).is_file() else match[2]}{match[3]}"

    source[0] = _LINK.sub(lead, source[0])


def setup(app: Sphinx) -> None:
    """Register the hook above."""
    app.connect("source-read", _link_folders_to_their_page)

"""Readers of the tables that geoloc writes, for the tests; they know nothing of its code.

A reading is, per method and in the order of the columns, (mean, half width, mark, paper) as text:
None for what is not there, ``missing`` for what reads so.
"""

import csv
import io
import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

CELL = re.compile(r"(missing|-?\d+\.\d\d)(?: ±(\d+\.\d+))?(?:paper (missing|-?\d+\.\d\d))?")
LATEX_CELL = re.compile(
    r"(?:\\(textbf|underline)\{)?(missing|-?\d+\.\d\d)\}?"
    r"(?: \{\\scriptsize \$\\pm\$([\d.]+)\})?"
)


class Tables(HTMLParser):
    """Every table of a document as rows of (text, tags inside the cell)."""

    VOID = ("meta", "link", "br", "wbr", "input")

    def __init__(self, text):
        super().__init__()
        self.tables, self.styles, self.open, self.attributes = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, *attribute) for attribute in attributes]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
            self.styles.append(dict(attributes).get("class"))
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append(("", ()))
        elif self.in_cell():
            text, tags = self.tables[-1][-1][-1]
            self.tables[-1][-1][-1] = (text, (*tags, tag))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if self.in_cell():
            text, tags = self.tables[-1][-1][-1]
            self.tables[-1][-1][-1] = (text + data, tags)

    def in_cell(self):
        return "td" in self.open or "th" in self.open


def normal(text):
    return " ".join(text.split())


def from_cell(text, tags):
    mean, half, paper = CELL.fullmatch(text).groups()
    mark = {("strong",): "best", ("u",): "second", (): None}[
        tuple(tag for tag in tags if tag in ("strong", "u"))
    ]
    return mean, half, mark, paper


def read_markdown(text):
    """Return our reading, with the published numbers from the second table; and the agreement.

    Where nothing is published there is no second table and no agreement.
    """
    ours, *rest = Tables(MarkdownIt("commonmark").enable("table").render(text)).tables
    if not rest:
        return {
            row[0][0]: [(*from_cell(*cell)[:3], None) for cell in row[1:]]
            for row in ours[1:]
            if any(text for text, _ in row[1:])
        }, []
    paper, agreement = rest
    readings = {}
    for row, published in zip(ours[1:], paper[1:], strict=True):
        assert row[0] == published[0]
        if any(text for text, _ in row[1:]):  # else it names a group
            readings[row[0][0]] = [
                (*from_cell(*cell)[:3], from_cell(*other)[0])
                for cell, other in zip(row[1:], published[1:], strict=True)
            ]
    return readings, [[text for text, _ in row] for row in agreement[1:]]


def read_page(text):
    """Return the reading of every table of results, and the agreements."""
    reader = Tables(text)
    results, agreements = (
        [table for table, other in zip(reader.tables, reader.styles, strict=True) if other == style]
        for style in ("results", "numbers")
    )
    readings = [
        {
            normal(row[0][0]): [from_cell(*cell) for cell in row[1:]]
            for row in table[2:]
            if len(row) > 1  # else it names a group
        }
        for table in results
    ]
    return readings, [[[text for text, _ in row] for row in table[1:]] for table in agreements]


def latex_rows(text):
    """Return the rows of the table as lists of cells, in order."""
    body = text.split("\\toprule\n")[1].split("\\bottomrule")[0]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    return [re.split(r"(?<!\\)&", line.removesuffix(r"\\")) for line in lines]


def read_latex(text):
    """Return the reading per method."""
    readings = {}
    for name, *cells in latex_rows(text)[2:]:
        if cells:  # else it names a group
            readings[name.strip().replace("\\%", "%")] = [
                from_latex(cell.strip()) for cell in cells
            ]
    return readings


def from_latex(cell):
    mark, mean, half = LATEX_CELL.fullmatch(cell).groups()
    return mean, half, {"textbf": "best", "underline": "second", None: None}[mark], None


def read_csv(text):
    """Return the lines as dictionaries."""
    return list(csv.DictReader(io.StringIO(text)))

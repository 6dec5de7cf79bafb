import itertools
import re
import shutil
import subprocess

import pytest
from example_tables import D_S, EXAMPLE, HOSTILE, S_D, WORLD, any_table
from hypothesis import example, given
from table_readers import latex_rows

from geoloc.benchmark.latex import latex_document, latex_table


def check_structure(text, columns):
    open_environments = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            open_environments.append(name)
        else:
            assert open_environments.pop() == name
    assert not open_environments
    depth = 0
    for token in re.findall(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(token, 0)
        assert depth >= 0
    assert depth == 0
    assert text.count("$") - text.count(r"\$") == 2 * len(
        re.findall(r"\$\\(?:pm|rightarrow)\$", text)
    )
    for row in latex_rows(text):
        spans = [re.match(r"\s*\\multicolumn\{(\d+)\}", cell) for cell in row]
        assert sum(int(span[1]) if span else 1 for span in spans) == columns + 1
    for rule in (r"\toprule", r"\bottomrule"):
        assert text.count(rule) == 1


@given(any_table())
@example(EXAMPLE._replace(columns=(S_D, S_D._replace(metric="ASI"), D_S, WORLD)))
def test_any_table_is_well_formed(table):
    text = latex_table(table)
    check_structure(text, len(table.columns))
    assert text.count(r"\midrule") == len({row.group for row in table.rows})
    tasks = [column.task for column in table.columns]
    spans = 1 + sum(a != b for a, b in itertools.pairwise(tasks))
    rules = [
        (int(first), int(last))
        for first, last in re.findall(r"\\cmidrule\(lr\)\{(\d+)-(\d+)\}", text)
    ]
    assert len(rules) == spans
    under = [column for first, last in rules for column in range(first, last + 1)]
    assert under == list(range(2, len(tasks) + 2))  # together they go under every number


def test_names_are_text():
    text = latex_table(EXAMPLE)
    assert HOSTILE not in text
    assert (
        r"\textless{}script\textgreater{}alert('\&amp;')\textless{}/script\textgreater{} "
        r"a\textbar{}b "
        '"q" '
        r"\textbackslash{}x\{y\} \#\$\%\_\textasciicircum{}\textasciitilde{}{*} {[}z] `c` 1-{}-2 &"
    ) in text
    assert r"World\_1" in text
    assert r"\label{tab:suite-1}" in text


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
def test_the_document_compiles(tmp_path):
    (tmp_path / "table.tex").write_text(latex_document(EXAMPLE))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Output written on table.pdf (1 page" in done.stdout
    assert "Overfull" not in done.stdout

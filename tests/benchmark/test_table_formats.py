"""Every format says what the table says; so all say the same."""

from example_tables import EXAMPLE, S_D, any_table
from hypothesis import given
from table_readers import normal, read_csv, read_latex, read_markdown, read_page

from geoloc.benchmark.latex import latex_table
from geoloc.benchmark.long_csv import long_csv
from geoloc.benchmark.markdown import markdown_summary, markdown_table
from geoloc.benchmark.page import html_page
from geoloc.benchmark.statistics import estimate

TASKS = {"drone->satellite": "D→S", "satellite->drone": "S→D"}


def expected(table):
    """Return the reading of a table, from its numbers alone."""
    return {
        normal(row.method): [expected_cell(table, row, column) for column in table.columns]
        for row in table.rows
    }


def expected_cell(table, row, column):
    missing = "missing" if any(each.paper for each in table.rows) else None
    paper = f"{row.paper[column]:.2f}" if column in row.paper else missing
    if column not in row.ours:
        return "missing", None, None, paper
    mean = f"{row.ours[column].mean:.2f}"
    printed = {f"{other.ours[column].mean:.2f}" for other in table.rows if column in other.ours}
    better = sum(float(other) > float(mean) for other in printed)
    half = None
    if len(row.ours[column].values) > 1:
        width = row.ours[column].high - row.ours[column].mean
        half = f"{width:.1f}" if width >= 1 else f"{width:.2f}"
    return mean, half, {0: "best", 1: "second"}.get(better), paper


def expected_agreement(table):
    rows = []
    if not any(row.paper for row in table.rows):
        return rows
    for column in table.columns:
        methods, tau, p_value, rho = table.agreement(column)
        p_text = "<0.001" if p_value < 0.001 else f"{p_value:.3f}"
        task = TASKS.get(column.task, column.task)
        texts = [f"{tau:.2f}", p_text, f"{rho:.2f}"]
        rows.append(
            [
                normal(f"{task} {column.metric}"),
                str(methods),
                *("missing" if text == "nan" else text for text in texts),
            ]
        )
    return rows


def check(table):
    readings = expected(table)
    markdown, agreement = read_markdown(markdown_table(table))
    assert markdown == readings
    assert agreement == expected_agreement(table)
    (page,), page_agreements = read_page(html_page([table], {}))
    page_agreement = page_agreements[0] if agreement else []
    assert page == readings
    assert [[normal(cell) for cell in row] for row in page_agreement] == agreement
    ordered = {row.group: [r for r in table.rows if r.group == row.group] for row in table.rows}
    in_groups = [row for rows in ordered.values() for row in rows]
    assert list(read_latex(latex_table(table)).values()) == [
        [(*cell[:3], None) for cell in readings[normal(row.method)]] for row in in_groups
    ]
    assert list(page) == list(markdown) == [normal(row.method) for row in in_groups]


def test_every_format_reads_as_the_table():
    check(EXAMPLE)


def test_without_published_numbers_there_is_no_place_for_them():
    ours = EXAMPLE._replace(paper="", rows=tuple(r._replace(paper={}) for r in EXAMPLE.rows))
    check(ours)
    for text in (markdown_table(ours), html_page([ours], {})):
        assert "Agreement" not in text
    assert "| paper" not in markdown_summary(ours)
    assert 'id="show-paper"' not in html_page([ours], {})


@given(any_table())
def test_every_format_reads_as_any_table(table):
    check(table)


@given(any_table())
def test_csv_keeps_every_digit(table):
    lines = read_csv(long_csv(table))
    places = [(row, column) for row in table.rows for column in table.columns]
    for line, (row, column) in zip(lines, places, strict=True):
        assert (line["suite"], line["data"]) == (table.name, table.data)
        assert (line["group"], line["method"]) == (row.group, row.method)
        assert (line["task"], line["metric"]) == column
        assert (float(line["paper"]) if line["paper"] else None) == row.paper.get(column)
        numbers = [line[field] for field in ("seeds", "mean", "low", "high", "values")]
        if column not in row.ours:
            assert numbers == [""] * 5
            continue
        value = row.ours[column]
        assert tuple(float(text) for text in line["values"].split(";")) == value.values
        assert int(line["seeds"]) == len(value.values)
        assert float(line["mean"]) == value.mean
        assert (line["low"], line["high"]) == (
            ("", "") if value.low is None else (repr(value.low), repr(value.high))
        )


def test_the_example_by_hand():
    readings, agreement = read_markdown(markdown_table(EXAMPLE))
    # t of 1 degree of freedom is 12.706, of 2 degrees 4.303.
    assert readings["First"] == [
        ("46.02", "2.6", "best", "50.00"),
        ("40.00", None, "best", "41.50"),
        ("2.00", "12.7", "best", "7.25"),
    ]
    assert readings["Second"] == [
        ("46.02", None, "best", "49.00"),
        ("39.90", None, "second", "42.00"),
        ("missing", None, None, "missing"),
    ]
    assert readings["Nothing"] == [
        ("missing", None, None, "missing"),
        ("missing", None, None, "missing"),
        ("missing", None, None, "2.00"),
    ]
    assert agreement == [
        ["S→D H-AP", "3", "1.00", "0.333", "1.00"],
        ["D→S H-AP", "2", "missing", "missing", "missing"],
        ["World_1 mAP/small", "1", "missing", "missing", "missing"],
    ]


def test_a_tiny_p_value_is_not_zero():
    row = EXAMPLE.rows[1]
    rows = [
        row._replace(method=f"{n}", ours={S_D: estimate([n])}, paper={S_D: n}) for n in range(8)
    ]
    table = EXAMPLE._replace(columns=(S_D,), rows=tuple(rows))
    _, agreement = read_markdown(markdown_table(table))
    assert agreement == [["S→D H-AP", "8", "1.00", "<0.001", "1.00"]]  # 2 of 8! orders


def test_a_table_without_results_says_so():
    empty = EXAMPLE._replace(rows=tuple(row._replace(ours={}) for row in EXAMPLE.rows))
    assert "No results on" in markdown_table(empty)
    check(empty)


def test_the_note_counts_the_seeds():
    assert "over 1 to 3 seeds" in markdown_table(EXAMPLE)
    alone = EXAMPLE._replace(rows=EXAMPLE.rows[1:3])
    assert ", one seed." in markdown_table(alone)

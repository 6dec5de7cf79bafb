from example_tables import EXAMPLE

from geoloc.benchmark.labels import note
from geoloc.benchmark.markdown import markdown_summary
from geoloc.benchmark.table import Row


def of_versions(*codes: str):
    """Return the example with runs of these versions of the code."""
    first = EXAMPLE.rows[0]
    runs = [{"seed": seed, "key": {"code": code}} for seed, code in enumerate(codes)]
    rows: tuple[Row, ...] = (first._replace(runs=runs), *EXAMPLE.rows[1:])
    return EXAMPLE._replace(rows=rows)


def test_runs_of_several_versions_are_told_apart() -> None:
    assert "versions" not in note(of_versions("a", "a"))
    assert note(of_versions("a", "b")).endswith("Runs of several versions of the code: First.")


def test_the_summary_links_the_methods_and_has_both_numbers() -> None:
    lines = markdown_summary(EXAMPLE).splitlines()
    rows = {line.split(" | ")[0]: line for line in lines}
    heading = next(line for line in lines if line.startswith("| method"))
    cells = [cell.strip() for cell in heading.strip("|").split("|")]
    assert cells == ["method", "S→D H-AP", "paper", "D→S H-AP", "paper"]
    first = rows["| [First](configs/first)"]
    assert [cell.strip() for cell in first.strip("|").split("|")][1:] == [
        *("**46.02** ±2.6", "50.00", "**40.00**", "41.50")
    ]
    assert "missing" in rows["| [Nothing](configs/nothing)"]

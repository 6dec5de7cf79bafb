"""Benchmark tables as one line per number, for other programs."""

import csv
import io

from geoloc.benchmark.table import Column, Row, Table

FIELDS = (
    *("suite", "data", "group", "method", "task", "metric"),
    *("seeds", "mean", "low", "high", "values", "paper"),
)


def long_csv(table: Table) -> str:
    """Return every number of a table with all its digits.

    Args:
        table: A suite's result.

    Returns:
        A heading and one line per method and column. ``seeds`` is the number of ``values``, which
        are separated by semicolons; what is missing is empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for row in table.rows:
        for column in table.columns:
            names = (table.name, table.data, row.group, row.method, column.task, column.metric)
            writer.writerow((*names, *_numbers(row, column)))
    return text.getvalue()


def _numbers(row: Row, column: Column) -> tuple[object, ...]:
    paper = row.paper.get(column)  # the writer leaves None empty
    if column not in row.ours:
        return (None, None, None, None, None, paper)
    values, mean, low, high = row.ours[column]
    return (len(values), mean, low, high, ";".join(map(repr, values)), paper)

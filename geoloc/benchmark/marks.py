"""Which of our numbers are the best and the second of their column."""

from enum import Enum

from geoloc.benchmark.labels import number
from geoloc.benchmark.table import Column, Row, Table


class Mark(Enum):
    """A number that stands out in its column."""

    BEST = 0
    SECOND = 1


def mark(table: Table, row: Row, column: Column) -> Mark | None:
    """Return the mark of our number; equal numbers share theirs.

    Numbers count as they are printed: two cells that read 46.02 are equal.
    """
    ours = [float(number(other.ours[column].mean)) for other in table.ranked(column)]
    places = list(dict.fromkeys(ours))[: len(Mark)]
    printed = float(number(row.ours[column].mean))
    return Mark(places.index(printed)) if printed in places else None

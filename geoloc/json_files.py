"""Reading JSON of anybody, so that every fault of a file is one kind of error."""

import json
from pathlib import Path
from typing import Any


def read_json_file(file: Path) -> Any:
    """Return what a JSON file in UTF-8 holds.

    Raises:
        ValueError: If it holds something else, or is nested so deeply that reading it would
            exhaust the stack.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None

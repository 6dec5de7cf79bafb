"""Semivariograms as JSON files, which hold numbers only and need no library to read."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import torch

from geoloc.errors import DatasetError
from geoloc.geo.semivariogram.correlation import check_model
from geoloc.geo.semivariogram.curve import Curve
from geoloc.geo.semivariogram.empirical import Empirical
from geoloc.geo.semivariogram.failure import Status
from geoloc.geo.semivariogram.semivariogram import Semivariogram
from geoloc.json_files import read_json_file
from geoloc.whole_files import write_whole

FORMAT = "geoloc semivariogram 1, kilometres"
_COLUMNS = ("lag_km", "gamma", "spread", "count")


def save_semivariogram(semivariogram: Semivariogram, path: str | Path) -> None:
    """Write a file; unknown numbers become null."""
    empirical = semivariogram.empirical
    content = {
        "format": FORMAT,
        "status": semivariogram.status,
        "curve": None if semivariogram.curve is None else asdict(semivariogram.curve),
        "range_km": semivariogram.range_km,
        "r2": semivariogram.r2,
        "estimator": semivariogram.estimator,
        "edges_km": empirical.edges_km.tolist(),
        "filled": semivariogram.filled.tolist(),
        **{name: getattr(empirical, name).tolist() for name in _COLUMNS},
    }
    write_whole(path, json.dumps(_without_nan(content), allow_nan=False, indent=1) + "\n")


def load_semivariogram(path: str | Path) -> Semivariogram:
    """Read what :func:`save_semivariogram` wrote.

    Raises:
        DatasetError: If the file is missing or something else.
    """
    file = Path(path)
    fix = "fit one with python tools/fit_semivariogram.py"
    if not file.is_file():
        raise DatasetError(f"{file}: there is no such semivariogram; {fix}")
    try:
        content = read_json_file(file)
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        return _semivariogram(content)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise DatasetError(f"{file} is no semivariogram ({reason}); {fix}") from None


def _semivariogram(content: dict[str, Any]) -> Semivariogram:
    edges, *columns = (
        torch.tensor([_number(value) for value in content[name]], dtype=torch.float64)
        for name in ("edges_km", *_COLUMNS)
    )
    filled = torch.tensor(content["filled"], dtype=torch.bool)
    if {len(column) for column in (*columns, filled)} != {len(edges) - 1}:
        raise ValueError("its columns differ in length")
    if content["status"] not in get_args(Status):
        raise ValueError(f"status {content['status']!r} is unknown")
    curve = None if content["curve"] is None else Curve(**content["curve"])
    if curve is not None:
        check_model(curve.model)
    return Semivariogram(
        Empirical(edges, *columns),
        filled,
        content["status"],
        curve,
        _number(content["range_km"]),
        _number(content["r2"]),
        content["estimator"],
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""A small source of photos: colours that tell the position."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def write_photos(root: Path, train: int, test: int, side: int = 32) -> dict[str, Any]:
    """Write photos and their index, and return the config of a source."""
    rng = np.random.default_rng(0)
    rows = ["path,view,place,lat,lon,split"]
    for split, count in (("train", train), ("test", test)):
        for _ in range(count):
            lat, lon = rng.uniform(-80, 80), rng.uniform(-170, 170)
            colour = np.array([lat + 90, (lon + 180) / 2, 100])
            pixels = np.clip(colour + rng.normal(0, 9, (side, side, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(root / f"{len(rows)}.png")
            rows.append(f"{len(rows)}.png,photo,{len(rows)},{lat:.6f},{lon:.6f},{split}")
    (root / "index.csv").write_text("\n".join(rows) + "\n")
    return {"type": "IndexDataset", "path": str(root / "index.csv"), "thresholds_m": ()}

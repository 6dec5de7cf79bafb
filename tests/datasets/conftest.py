"""Small datasets in the exact on-disk layout of DA-Campus."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CampusWriter = Callable[..., Path]


def place_latlon(place: int) -> tuple[float, float]:
    return 28.2 + place * 1e-3, 112.9 - place * 2e-3


def write_campus(
    root: Path, train: int = 5, test: int = 3, drones: int = 4, size: int = 24, first_test: int = 11
) -> Path:
    """Write places 1..train and first_test.., rows shuffled; returns the root."""
    generator = np.random.default_rng(0)
    ids = {"train": range(1, train + 1), "test": range(first_test, first_test + test)}
    for view, count in (("satellite", 1), ("drone", drones)):
        for split, places in ids.items():
            lines = []
            for place in places:
                lat, lon = place_latlon(place)
                folder = root / view / split / f"{place:04d}"
                folder.mkdir(parents=True)
                for number in range(count):
                    pixels = generator.integers(0, 256, (size, size, 3), dtype=np.uint8)
                    pixels[0, 0] = place  # exact in PNG: a test reads the place off the image
                    Image.fromarray(pixels).save(folder / f"{number}.png")
                    lines.append(f"{split}/{place:04d}/{number}.png {place} {lat!r} {lon!r}")
            generator.shuffle(lines)
            text = "\n".join(["path class_id latitude longitude", *lines]) + "\n"
            (root / view / f"{split}.txt").write_text(text)
    return root


@pytest.fixture
def campus(tmp_path: Path) -> Path:
    """Return the root of a campus of 5 train and 3 test places with 4 drone images each."""
    return write_campus(tmp_path / "campus")


@pytest.fixture
def official_text() -> Callable[[Path], Path]:
    """Return a writer of the text files (and empty images) with the published counts."""

    def write(root: Path) -> Path:
        ids = {"train": range(1, 451), "test": range(451, 751)}
        for view, count in (("satellite", 1), ("drone", 60)):
            for split, places in ids.items():
                (root / view / split).mkdir(parents=True)
                lines = ["path class_id latitude longitude"]
                for place in places:
                    lat, lon = place_latlon(place)
                    names = [f"{split}/{place}_{number}.jpg" for number in range(count)]
                    lines += [f"{name} {place} {lat!r} {lon!r}" for name in names]
                    for name in names:
                        (root / view / name).touch()
                (root / view / f"{split}.txt").write_text("\n".join(lines) + "\n")
        return root

    return write


def write_image(file: Path, number: int, size: int = 24) -> None:
    """Write a small image whose grey value tells its number; equal numbers, equal bytes."""
    pixels = np.random.default_rng(number).integers(0, 64, (size, size, 3), dtype=np.uint8)
    pixels[: size // 2] = number % 256
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


# (fine, middle, coarse): two coarse labels, three middle ones
DYML_TREE = [(40, 7, 1), (41, 7, 1), (42, 8, 1), (43, 9, 0), (44, 9, 0)]
DYML_HEADERS = {4: "fname, coarse_id, middle_id, fine_id", 2: "fname, labels"}


def write_dyml(root: Path, subset: str, images: int = 4, after_header: str = "") -> Path:
    """Write a subset of DyML in its exact layout; returns the folder that ``DyML`` reads.

    Args:
        root: Folder for ``dyml_<subset>/``.
        subset: ``vehicle``, ``animal`` or ``product``.
        images: Images per fine label.
        after_header: What separates the header from the first record; nothing in the real files.
    """
    folder = root / f"dyml_{subset}"

    def write(file: str, rows: list[tuple[object, ...]]) -> None:
        lines = [", ".join(map(str, row)) for row in rows]
        header = DYML_HEADERS[len(rows[0])] + after_header
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(header + "\n".join(lines) + "\n")

    def tree(file: str, image_folder: str, first: int) -> None:
        rows = []
        for fine, middle, coarse in DYML_TREE:
            for _ in range(images):
                rows.append((f"{len(rows)}.jpg", coarse, middle, fine))
                write_image(folder / image_folder / rows[-1][0], first + len(rows))
        write(file, rows)

    tree("train/label.csv", "train/imgs", 0)
    if subset == "product":
        tree("mini-bmk_all_in_one/label.csv", "mini-bmk_all_in_one/imgs", 100)
        return root
    for scale, labels in {"fine": 5, "middle": 3, "coarse": 2}.items():
        rows = [(f"{item}.jpg", item // images) for item in range(labels * images)]
        queries = [row for row in rows if row[1] != 1 or int(row[0][:-4]) % images]
        for side, part in {"query": queries, "gallery": rows}.items():
            write(f"bmk_{scale}/{side}.csv", part)
            for name, _ in part:
                write_image(folder / f"bmk_{scale}/{side}" / name, 100 + int(name[:-4]))
    return root


def write_university(root: Path) -> Path:
    """Write 3 train places, 2 query places and 2 distractors in the layout of University-1652."""
    images = {"drone": 3, "satellite": 1, "street": 2, "google": 1}
    parts = {"train/": ((1, 2, 5), images)}
    for side, places in {"query": (3, 6), "gallery": (3, 4, 6, 7)}.items():
        parts[f"test/{side}_"] = (places, {view: images[view] for view in list(images)[:3]})
    for prefix, (places, views) in parts.items():
        for view, count in views.items():
            for place in places:
                for item in range(count):
                    name = f"image-{item + 1:02d}.jpeg" if view == "drone" else f"{item}.jpg"
                    write_image(root / f"{prefix}{view}/{place:04d}/{name}", 40 * place + item)
    write_image(root / "test/4K_drone/0003/0.png", 1)
    for image in (root / "train/google/0002").iterdir():  # some buildings have none
        image.unlink()
    (root / "readme.txt").touch()
    (root / "train/street/0001/.DS_Store").touch()
    return root


VIGOR_CITIES = {
    "NewYork": (40.7, -74.0),
    "Seattle": (47.6, -122.3),
    "SanFrancisco": (37.8, -122.4),
    "Chicago": (41.9, -87.6),
}
# rows (southwards) and columns of a panorama in a grid of tiles; the nearest tile is its positive
VIGOR_PANORAMAS = {"train": [(0.8, 0.9), (0.2, 1.3)], "test": [(1.2, 1.1), (1.7, 0.3)]}
VIGOR_STEP_M = 320 * 0.114  # half a tile


def write_vigor(root: Path) -> Path:
    """Write four cities of 3 x 3 tiles and 2 train and 2 test panoramas in the layout of VIGOR.

    The first panoramas of train and test have the same positive and other semi-positives.
    """
    for city, (lat, lon) in VIGOR_CITIES.items():
        north = 111_195.0  # metres per degree of latitude
        east = north * np.cos(np.radians(lat))

        def at(row: float, column: float, origin=(lat, lon), scale=(north, east)):
            return (
                origin[0] - row * VIGOR_STEP_M / scale[0],
                origin[1] + column * VIGOR_STEP_M / scale[1],
            )

        def name_of(row: int, column: int, at=at) -> str:
            return "satellite_{:.7f}_{:.7f}.png".format(*at(row, column))

        tiles = [(row, column) for row in range(3) for column in range(3)]
        splits = root / "splits" / city
        splits.mkdir(parents=True)
        (splits / "satellite_list.txt").write_text("".join(f"{name_of(*t)}\n" for t in tiles))
        for number, tile in enumerate(tiles):
            write_image(root / city / "satellite" / name_of(*tile), number)
        lines: dict[str, list[str]] = {}
        for split, panoramas in VIGOR_PANORAMAS.items():
            lines[split] = []
            for row, column in panoramas:
                latlon = at(row, column)
                panorama = f"{split}{row},{latlon[0]:.7f},{latlon[1]:.7f},.jpg"
                write_image(root / city / "panorama" / panorama, 100 + int(10 * row))
                around = [(r, c) for r, c in tiles if abs(r - row) < 1 and abs(c - column) < 1]
                around.sort(key=lambda t: (t[0] - row) ** 2 + (t[1] - column) ** 2)
                fields = [panorama]
                for r, c in around:
                    offsets = (320 * (row - r), -320 * (column - c))
                    fields += [name_of(r, c), *(f"{offset:.3f}" for offset in offsets)]
                lines[split].append(" ".join(fields) + "\n")
            (splits / f"same_area_balanced_{split}.txt").write_text("".join(lines[split]))
        every = "".join(lines["train"] + lines["test"])
        (splits / "pano_label_balanced.txt").write_text(every)
    return root


def write_sues200(
    root: Path,
    places: Sequence[int] = (1, 2, 3, 4),
    query: Sequence[int] = (5, 6),
    heights: Sequence[int] = (150, 200, 250, 300),
) -> Path:
    """Write 3 drone images and a satellite image of every place in the layout of SUES-200."""
    folders = {"Training/{}/": places, "Testing/{}/query_": query}
    folders["Testing/{}/gallery_"] = [*places, *query]
    for height in heights:
        for folder, ids in folders.items():
            for view, count in (("drone", 3), ("satellite", 1)):
                for place in ids:
                    for number in range(count):
                        name = f"{folder.format(height)}{view}/{place:04d}/{number}.jpg"
                        write_image(root / name, 40 * place + number)
    return root


def write_denseuav(
    root: Path, places: Sequence[int] = (1, 2, 3, 4), query: Sequence[int] = (5, 6)
) -> Path:
    """Write 3 drone and 6 satellite images of every place in the layout of DenseUAV."""
    folders = {"train/": places, "test/query_": query, "test/gallery_": [*places, *query]}
    lines = []
    for folder, ids in folders.items():
        for place in ids:
            for height in (80, 90, 100):
                names = [f"drone/{place:06d}/H{height}.JPG"]
                names += [f"satellite/{place:06d}/H{height}{end}.tif" for end in ("", "_old")]
                for name in names:
                    pixels = Image.new("RGB", (24, 24), (40 * place % 256, height, 0))
                    (root / f"{folder}{name}").parent.mkdir(parents=True, exist_ok=True)
                    pixels.save(root / f"{folder}{name}")
                    at = f"E120.{place}0{height} N30.{place}5 {height}.123"
                    lines.append(f"{folder}{name} {at}\n")
    (root / "Dense_GPS_ALL.txt").write_text("".join(lines))
    return root

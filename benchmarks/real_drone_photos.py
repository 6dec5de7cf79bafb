"""How far off is a model that has only seen rendered campuses, on real drone photos?

    python benchmarks/real_drone_photos.py PHOTOS work_dirs/dycl_r18_campusworld

PHOTOS are nadir photos of a survey with GPS tags, in strips of equal length. Every strip is left
out in turn: its photos are the queries, and tiles cut from the photos of the other strips are the
gallery. The height above ground is not in the tags, so the ground size of a pixel and the
direction of the photos come from neighbouring photos, whose distance is known and whose overlap is
registered.
The run's model is compared with the same network at its random start, with chance, and with counted
SIFT matches, which show whether the tiles lie where they are said to lie.
"""

import argparse
import csv
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.runner import set_random_seed
from numpy.typing import NDArray

from geoloc.engine.config import load_config
from geoloc.engine.run_files import model_of_run
from geoloc.evaluation.comparison import markdown
from geoloc.geo import geodesic_distance
from geoloc.geo.exif_gps import read_exif_position
from geoloc.geo.great_circle import step_metres
from geoloc.localization import Answer, Describer, Localizer, build_gallery
from geoloc.registry import MODELS
from geoloc.visualization import write_map

Array = NDArray[np.float64]
TILE_M = 24.0
STEP_M = 7.5
PIXELS = 256  # of the side of a tile
DRAWS = 10_000
CREDIT = "photos: pierotofy/drone_dataset_brighton_beach, BSD 2-Clause"


@dataclass(frozen=True)
class Survey:
    """Photos that look straight down, all in one direction.

    Attributes:
        files: Of the photos, in the order of the flight.
        latlon: Their positions in degrees, ``[n, 2]``.
        pixel_m: Ground size of a pixel.
        heading: Compass direction of the photos' upper side in degrees.
    """

    files: list[Path]
    latlon: Array
    pixel_m: float
    heading: float


def read_survey(folder: Path, strip: int) -> Survey:
    """Return the photos of a folder; neighbours within strips give scale and heading."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".jpg")
    positions = [read_exif_position(file) for file in files]
    latlon = np.array([(each.lat, each.lon) for each in positions if each is not None])
    pairs = [(a, a + 1) for a in range(len(files) - 1) if a % strip < strip - 1]
    steps = np.array([step_in_pixels(files[a], files[b]) for a, b in pairs])
    metres = np.array([east_north(latlon[a], latlon[b]) for a, b in pairs])
    scale = np.median(np.linalg.norm(metres, axis=1) / np.linalg.norm(steps, axis=1))
    turn = direction(metres) - direction(steps * (1, -1))  # rows of an image go down
    spread = np.std((turn + 180) % 360 - 180)
    heading = float(np.median(turn % 360))
    print(
        f"{len(files)} photos: {scale:.4f} m per pixel, heading {heading:.0f} degrees, "
        f"which spreads by {spread:.1f}"
    )
    return Survey(files, latlon, float(scale), heading)


def step_in_pixels(first: Path, second: Path) -> Array:
    """Return how far the camera moved between two photos, (right, down) in pixels."""
    images = [read_image(file) for file in (first, second)]
    similarity, inliers = registration(*map(local_features, images))
    if similarity is None or inliers < 12:
        raise SystemExit(f"error: {first.name} and {second.name} do not overlap enough")
    middle = np.array(images[0].shape[1::-1]) / 2
    return middle - (similarity[:, :2] @ middle + similarity[:, 2])


def read_image(file: Path) -> NDArray[np.uint8]:
    """Return the pixels of an image, ``[H, W, 3]``."""
    image = cv2.imread(str(file))
    if image is None:
        raise SystemExit(f"error: {file} cannot be read as an image")
    return image


def local_features(image: NDArray[np.uint8]) -> tuple[Array, NDArray[np.float32]]:
    """Return the points ``[n, 2]`` of an image and their SIFT descriptors ``[n, 128]``."""
    points, descriptors = cv2.SIFT_create(4000).detectAndCompute(image, None)
    return np.array([point.pt for point in points]), descriptors


def registration(a: tuple, b: tuple) -> tuple[Array | None, int]:
    """Return the similarity that takes one image to another, and how many matches follow it."""
    pairs = cv2.BFMatcher().knnMatch(a[1], b[1], k=2)
    good = [best for best, other in pairs if best.distance < 0.75 * other.distance]
    if len(good) < 3:
        return None, 0
    seen_a = a[0][[match.queryIdx for match in good]]
    seen_b = b[0][[match.trainIdx for match in good]]
    similarity, inliers = cv2.estimateAffinePartial2D(seen_a, seen_b, ransacReprojThreshold=6)
    return similarity, 0 if inliers is None else int(inliers.sum())


def east_north(a: Array, b: Array) -> tuple[float, float]:
    """Return the way from ``a`` to ``b`` in metres to the east and to the north."""
    metres = geodesic_distance([a], [(b[0], a[1]), (a[0], b[1])])[0]
    return np.copysign(metres[1], b[1] - a[1]), np.copysign(metres[0], b[0] - a[0])


def direction(steps: Array) -> Array:
    """Return the compass directions of (east, north) in degrees."""
    return np.degrees(np.arctan2(steps[:, 0], steps[:, 1]))


def square(image: NDArray[np.uint8], right: float, down: float, side: float, turn: float) -> object:
    """Cut a square about a point; everything in pixels, ``turn`` clockwise in degrees."""
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    zoom = side / PIXELS
    to_photo = zoom * np.array([[c, -s], [s, c]])
    origin = np.array([right, down]) - to_photo @ (PIXELS / 2, PIXELS / 2)
    flags = cv2.INTER_AREA if zoom > 1 else cv2.INTER_LINEAR
    matrix = np.column_stack([to_photo, origin])
    blurred = cv2.GaussianBlur(image, (0, 0), zoom / 2) if zoom > 1 else image
    return cv2.warpAffine(blurred, matrix, (PIXELS, PIXELS), flags=flags | cv2.WARP_INVERSE_MAP)


def write_tiles(survey: Survey, photos: Sequence[int], folder: Path) -> None:
    """Write north-up squares from the photos, as far as they fit, and ``positions.csv``."""
    folder.mkdir(parents=True)
    rows = []
    for number in photos:
        image = read_image(survey.files[number])
        height, width = image.shape[:2]
        side = TILE_M / survey.pixel_m
        for right in offsets(survey, width, side):
            for down in offsets(survey, height, side):
                name = f"{survey.files[number].stem}_{right:+.0f}_{down:+.0f}.jpg"
                cut = square(image, width / 2 + right, height / 2 + down, side, -survey.heading)
                cv2.imwrite(str(folder / name), cut)
                rows.append((name, *ground_position(survey, number, right, down)))
    write_positions(folder, rows)


def offsets(survey: Survey, length: int, side: float) -> Array:
    """Return centres of turned squares along one side of a photo, from its middle, in pixels."""
    angle = np.radians(survey.heading)
    room = (length - side * (abs(np.cos(angle)) + abs(np.sin(angle)))) / 2
    step = STEP_M / survey.pixel_m
    count = int(max(room, 0) // step)
    return step * np.arange(-count, count + 1)


def ground_position(survey: Survey, number: int, right: float, down: float) -> tuple[float, float]:
    """Return where a pixel, counted from the middle of a photo, lies on the ground."""
    c, s = np.cos(np.radians(survey.heading)), np.sin(np.radians(survey.heading))
    north = survey.pixel_m * (-down * c - right * s)
    east = survey.pixel_m * (right * c - down * s)
    step = torch.tensor([[north, east]], dtype=torch.float64)
    lat, lon = step_metres(torch.from_numpy(survey.latlon[[number]]), step)[0].tolist()
    return lat, lon


def write_queries(survey: Survey, photos: Sequence[int], folder: Path, north_up: bool) -> None:
    """Write the middle of the photos, as they were taken or turned north, and their positions."""
    folder.mkdir(parents=True)
    for number in photos:
        image = read_image(survey.files[number])
        height, width = image.shape[:2]
        turn = -survey.heading if north_up else 0.0
        cut = square(image, width / 2, height / 2, TILE_M / survey.pixel_m, turn)
        cv2.imwrite(str(folder / f"{survey.files[number].stem}.jpg"), cut)
    rows = [(f"{survey.files[number].stem}.jpg", *survey.latlon[number]) for number in photos]
    write_positions(folder, rows)


def write_positions(folder: Path, rows: list[tuple[str, float, float]]) -> None:
    """Write what geoloc reads of a folder of images without EXIF."""
    with (folder / "positions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "lat", "lon"), *rows])


def describers(run: Path, folder: Path) -> Iterator[tuple[str, Describer]]:
    """Yield the model of a run, and the same network before any training."""
    config, checkpoint = model_of_run(run)
    yield "trained on CampusWorld", Describer.from_config(config, checkpoint)
    cfg = load_config(config)
    set_random_seed(cfg.randomness.seed)
    logging.getLogger("mmengine").setLevel(logging.WARNING)  # it would name every weight
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save({"state_dict": model.state_dict()}, folder / "untrained.pth")
    yield "random weights", Describer.from_config(config, folder / "untrained.pth")


def read_tiles(folder: Path) -> tuple[list[Path], Array]:
    """Return the files and positions of tiles that were written."""
    with (folder / "positions.csv").open() as file:
        rows = [*csv.DictReader(file)]
    latlon = np.array([(float(row["lat"]), float(row["lon"])) for row in rows])
    return [folder / row["path"] for row in rows], latlon


def without_model(survey: Survey, strips: list[list[int]], scratch: Path) -> Iterator[list[str]]:
    """Yield rows of answers that need no model, and of the least error that the tiles allow."""
    found: dict[str, list[Array]] = {}
    for number, strip in enumerate(strips):
        files, tiles = read_tiles(scratch / f"tiles{number}")
        metres = geodesic_distance(survey.latlon[strip], tiles)
        features = [local_features(read_image(file)) for file in files]
        queries = [
            local_features(read_image(scratch / f"north_up{number}/{survey.files[photo].stem}.jpg"))
            for photo in strip
        ]
        matches = [[registration(query, tile)[1] for tile in features] for query in queries]
        first = np.argmax(matches, axis=1)
        middle = geodesic_distance(survey.latlon[strip], [tiles.mean(axis=0)])[:, 0]
        for name, errors in {
            "most SIFT matches": metres[np.arange(len(strip)), first],
            "the nearest tile": metres.min(axis=1),
            "the middle of the gallery": middle,
            "a tile at random": metres.ravel(),
        }.items():
            found.setdefault(name, []).append(errors)
    for name, parts in found.items():
        errors = np.concatenate(parts)
        yield [name, f"{np.median(errors):.1f}", "" if "random" in name else interval(errors)]


def localized(
    survey: Survey, strips: list[list[int]], model: Describer, scratch: Path, queries: str
) -> list[Answer]:
    """Return the answers about every photo, from a gallery without its strip."""
    answers: list[Answer] = []
    for number in range(len(strips)):
        folder = scratch / f"gallery{number}"
        tiles = scratch / f"tiles{number}"
        gallery = build_gallery(folder, tiles, model, "satellite", overwrite=True)
        answers += Localizer(model, gallery=gallery).localize(scratch / f"{queries}{number}")
    return answers


def interval(errors: Array) -> str:
    """Return the 95 % interval of the median over photos, by the bootstrap."""
    draws = np.random.default_rng(0).choice(errors, (DRAWS, len(errors)))
    low, high = np.percentile(np.median(draws, axis=1), (2.5, 97.5))
    return f"{low:.1f} to {high:.1f}"


def main() -> None:
    """Compare, print the table, and write it and the map."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("run", type=Path, help="run folder of a model of drone and satellite views")
    parser.add_argument("--strip", type=int, default=6, help="photos per strip (default: 6)")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/real_drone_photos"))
    args = parser.parse_args()
    survey = read_survey(args.photos, args.strip)
    numbers = range(len(survey.files))
    strips = [[*numbers[first:][: args.strip]] for first in range(0, len(numbers), args.strip)]
    table = [["answer", "median error, m", "95 % interval"]]
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        for number, strip in enumerate(strips):
            others = [photo for photo in numbers if photo not in strip]
            write_tiles(survey, others, scratch / f"tiles{number}")
            write_queries(survey, strip, scratch / f"north_up{number}", north_up=True)
            write_queries(survey, strip, scratch / f"as_taken{number}", north_up=False)
        for name, model in describers(args.run, scratch):
            for queries in ("north_up", "as_taken"):
                answers = localized(survey, strips, model, scratch, queries)
                label = f"{name}, photos {queries.replace('_', ' ')}"
                if queries == "north_up":
                    page = args.out / f"map-{name.replace(' ', '-')}.html"
                    write_map(answers, page, (10.0, 25.0), title=f"{name} ({CREDIT})")
                for part, errors in {
                    "first tile": [answer.distances_m[0] for answer in answers],
                    "estimate from ten tiles": [answer.error_m for answer in answers],
                }.items():
                    values = np.array(errors, dtype=np.float64)
                    table.append([f"{label}: {part}", f"{np.median(values):.1f}", interval(values)])
        table += without_model(survey, strips, scratch)
    (args.out / "errors.md").write_text(markdown(table) + "\n")
    print(markdown(table))


if __name__ == "__main__":
    main()

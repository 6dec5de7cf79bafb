"""What a gallery stores comes back, and damage is refused by name."""

import json
import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.errors import GalleryError
from geoloc.localization import Gallery, merge_galleries, shard_gallery
from geoloc.localization.gallery_manifest import ModelRecord
from geoloc.localization.gallery_rows import Rows, blocks_of_arrays

MODEL = ModelRecord("c0ffee", "fade", "satellite")


def world(rows: int, dim: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, dim)).astype(np.float32)
    latlon = rng.uniform([-90, -180], [90, 180], (rows, 2))
    return values, latlon, [f"straße {seed}/{row}.jpg" for row in range(rows)]


def unit(values: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True)
    return (values / lengths).astype(np.float32)


def content(gallery: Gallery) -> tuple[np.ndarray, np.ndarray, tuple[Path, ...]]:
    rows = np.arange(len(gallery))
    return gallery.descriptors(rows), gallery.latlon(rows), gallery.images(rows)


def same(one: Gallery, other: Gallery) -> bool:
    (a, b, c), (d, e, f) = content(one), content(other)
    return bool((a == d).all() and (b == e).all()) and c == f


@settings(max_examples=20)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.sampled_from(["float32", "float16", "int8"]),
    st.data(),
)
def test_append_shard_and_merge_keep_every_row(
    sizes: list[int], dtype: str, data: st.DataObject
) -> None:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        values, latlon, images = world(sum(sizes))
        edges = np.cumsum([0, *sizes])
        runs = [slice(*pair) for pair in pairwise(edges)]
        # one part of many blocks, and many parts of one block
        blocks = [
            block
            for rows in runs
            for block in blocks_of_arrays(values[rows], latlon[rows], images[rows])
        ]
        whole = Gallery.create(folder / "whole", blocks, dtype=dtype, root="/d")
        first, *others = runs
        grown = Gallery.from_arrays(
            folder / "grown", values[first], latlon[first], images[first], dtype=dtype, root="/d"
        )
        for rows in others:
            grown.append(blocks_of_arrays(values[rows], latlon[rows], images[rows]), root="/d")
        assert same(whole, grown)
        assert same(grown, Gallery(folder / "grown"))
        tolerance = {"float32": 0, "float16": 1e-3, "int8": 0.01}[dtype]
        np.testing.assert_allclose(content(grown)[0], unit(values), atol=tolerance)
        np.testing.assert_array_equal(content(grown)[1], latlon)
        assert content(grown)[2] == tuple(Path("/d") / image for image in images)

        count = data.draw(st.integers(1, sum(sizes)))
        shards = shard_gallery(grown, folder / "shards", count)
        assert sum(map(len, shards)) == len(grown)
        assert max(map(len, shards)) - min(map(len, shards)) <= 1
        assert same(merge_galleries(folder / "merged", shards), grown)


@settings(max_examples=25)
@given(
    st.integers(1, 60),
    st.integers(1, 80),
    st.sampled_from(["float32", "float16", "int8"]),
    st.booleans(),
    st.integers(0, 9),
)
def test_search_is_brute_force(rows: int, k: int, dtype: str, indexed: bool, seed: int) -> None:
    with TemporaryDirectory() as scratch:
        values, latlon, _ = world(rows, seed=seed)
        values[rows // 2 :] = values[: rows - rows // 2]  # ties
        gallery = Gallery.from_arrays(Path(scratch) / "g", values, latlon, dtype=dtype)
        if indexed:
            gallery.build_index("Flat")
        more, places, _ = world(7, seed=seed + 2)
        gallery.append(blocks_of_arrays(more, places))
        query = unit(world(4, seed=seed + 1)[0])
        stored = gallery.descriptors(np.arange(len(gallery))).astype(np.float64)
        scores = (query.astype(np.float64) @ stored.T).astype(np.float32)
        order = np.stack([np.lexsort((np.arange(len(gallery)), -row)) for row in scores])
        order = order[:, : min(k, len(gallery))]
        found = gallery.search(query, k)
        if indexed:  # equal rows beyond the candidates may be missed
            expected = np.take_along_axis(scores, order, axis=1)
            np.testing.assert_allclose(found.scores, expected, atol=1e-6)
            own = np.take_along_axis(scores, found.index, axis=1)
            np.testing.assert_allclose(found.scores, own, atol=1e-6)
        else:
            np.testing.assert_array_equal(found.index, order)


def test_a_large_gallery_finds_nearly_all_with_its_own_index(tmp_path: Path) -> None:
    values, latlon, _ = world(20_000, dim=16)
    gallery = Gallery.from_arrays(tmp_path / "g", values, latlon)
    gallery.build_index(nprobe=64)
    query = unit(values[:50] + 0.05 * world(50, dim=16, seed=1)[0])
    found, exact = gallery.search(query, 5), gallery.search(query, 5, exact=True)
    assert (found.index == exact.index).mean() > 0.9
    hits = found.index == exact.index
    np.testing.assert_array_equal(found.scores[hits], exact.scores[hits])


class Stop(Exception):
    pass


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
def test_whatever_stops_an_append_leaves_the_old_gallery(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, latlon, images = world(20)
    gallery = Gallery.from_arrays(tmp_path / "g", values, latlon, images)
    before = content(gallery)
    replaced = 0
    original = os.replace

    def replace(source: Path, target: Path) -> None:
        nonlocal replaced
        if replaced == after:
            raise Stop
        replaced += 1
        original(source, target)

    more = blocks_of_arrays(*world(7, seed=2))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(Stop):
            gallery.append(more)
    reopened = Gallery(tmp_path / "g")
    assert len(reopened) == 20
    np.testing.assert_array_equal(content(reopened)[0], before[0])
    reopened.append(blocks_of_arrays(*world(7, seed=2)))  # over what was left behind
    assert len(Gallery(tmp_path / "g")) == 27
    reopened.verify()


def test_a_source_that_fails_leaves_the_old_gallery(tmp_path: Path) -> None:
    gallery = Gallery.from_arrays(tmp_path / "g", *world(5))

    def failing() -> Iterator[Rows]:
        yield from blocks_of_arrays(*world(3))
        raise Stop

    with pytest.raises(Stop):
        gallery.append(failing())
    assert len(Gallery(tmp_path / "g")) == 5


def test_a_gallery_of_another_model_is_refused_with_both_fingerprints(tmp_path: Path) -> None:
    gallery = Gallery.from_arrays(tmp_path / "g", *world(5), model=MODEL)
    other = ModelRecord("c0ffee", "beef")
    with pytest.raises(GalleryError, match=r"model fade with config c0ffee.*model beef"):
        Gallery(tmp_path / "g", other)
    with pytest.raises(GalleryError, match=r"fade.*no known one"):
        gallery.append(blocks_of_arrays(*world(5)))
    second = Gallery.from_arrays(tmp_path / "h", *world(5), model=other)
    with pytest.raises(GalleryError, match=r"beef.*fade"):
        merge_galleries(tmp_path / "m", [gallery, second])
    assert len(Gallery(tmp_path / "g", MODEL)) == 5
    unknown = Gallery.from_arrays(tmp_path / "u", *world(5))
    with pytest.warns(UserWarning, match="does not say which model"):
        unknown.check_model(MODEL)


@pytest.mark.parametrize("name", ["descriptors.npy", "latlon.npy", "images.txt", "image_ends.npy"])
@pytest.mark.parametrize("damage", ["truncated", "changed", "missing"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str, damage: str) -> None:
    Gallery.from_arrays(tmp_path / "g", *world(50))
    file = tmp_path / "g" / name
    whole = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(whole[:-9])
    else:
        whole[-5] ^= 1
        file.write_bytes(whole)
    with pytest.raises(GalleryError, match=name):
        Gallery(tmp_path / "g")


def test_verify_reads_files_that_opening_only_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Gallery.from_arrays(tmp_path / "g", *world(50)).build_index("Flat")
    monkeypatch.setattr("geoloc.localization.gallery.SMALL_BYTES", 0)
    for name in ("descriptors.npy", "index.faiss"):
        file = tmp_path / "g" / name
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(GalleryError, match=name):
            Gallery(tmp_path / "g").verify()
        file.write_bytes(whole)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"format_version": 2}', "format version 2"),
        ('{"format_version": 1}', "damaged"),
    ],
)
def test_a_bad_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    Gallery.from_arrays(tmp_path / "g", *world(5))
    (tmp_path / "g/gallery.json").write_text(text)
    with pytest.raises(GalleryError, match=rf"gallery.json.*{message}"):
        Gallery(tmp_path / "g")


def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    Gallery.from_arrays(tmp_path / "g", *world(5))
    manifest = tmp_path / "g/gallery.json"
    manifest.write_text(manifest.read_text().replace('"latlon.npy"', '"../latlon.npy"'))
    shutil.copy(tmp_path / "g/latlon.npy", tmp_path)
    with pytest.raises(GalleryError, match="damaged"):
        Gallery(tmp_path / "g")


@pytest.mark.parametrize("path", ["../a.jpg", "/etc/passwd", "C:\\a", "a/../../b", "a\nb", ""])
def test_image_paths_stay_in_their_root(tmp_path: Path, path: str) -> None:
    values, latlon, images = world(3)
    with pytest.raises(GalleryError, match="must be relative"):
        Gallery.from_arrays(tmp_path / "g", values, latlon, [*images[:2], path])
    assert not (tmp_path / "g/gallery.json").exists()


def test_a_stored_path_that_leaves_its_root_is_refused(tmp_path: Path) -> None:
    values, latlon, _ = world(1)
    Gallery.from_arrays(tmp_path / "g", values, latlon, ["ab/cd.jpg"])
    file = tmp_path / "g/images.txt"
    manifest = tmp_path / "g/gallery.json"
    content = json.loads(manifest.read_text())
    file.write_bytes(b"../cd.jpg\n")
    from geoloc.localization.checked_file import record_of

    content["parts"][0]["files"][2]["crc32"] = record_of(file).crc32
    manifest.write_text(json.dumps(content))
    with pytest.raises(GalleryError, match="must be relative"):
        Gallery(tmp_path / "g").images(np.array([0]))


def test_names_that_are_no_text_come_back(tmp_path: Path) -> None:
    values, latlon, _ = world(2)
    images = ["日本/é.jpg", b"caf\xe9.jpg".decode("utf-8", "surrogateescape")]
    gallery = Gallery.from_arrays(tmp_path / "g", values, latlon, images)
    assert gallery.images(np.arange(2)) == tuple(map(Path, images))


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_descriptors_without_a_direction_are_refused(tmp_path: Path, value: float) -> None:
    values, latlon, images = world(3)
    values[1] = value
    with pytest.raises(GalleryError, match="row 1"):
        Gallery.from_arrays(tmp_path / "g", values, latlon, images)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    values, latlon, images = world(3)
    gallery = Gallery.from_arrays(tmp_path / "g", values, latlon, images)
    with pytest.raises(GalleryError, match="holds a gallery already"):
        Gallery.from_arrays(tmp_path / "g", values, latlon)
    with pytest.raises(GalleryError, match="do not belong together"):
        Gallery.from_arrays(tmp_path / "h", values, latlon[:2])
    with pytest.raises(GalleryError, match="no row"):
        gallery.append([])
    with pytest.raises(GalleryError, match=r"width 6.*9"):
        gallery.append(blocks_of_arrays(*world(3, dim=9)))
    with pytest.raises(GalleryError, match="float64"):
        Gallery.from_arrays(tmp_path / "h", values, latlon, dtype="float64")
    with pytest.raises(GalleryError, match="no gallery"):
        Gallery(tmp_path)
    with pytest.raises(GalleryError, match="count=4"):
        shard_gallery(gallery, tmp_path / "s", 4)
    again = Gallery(tmp_path / "g")
    again.append(blocks_of_arrays(*world(2)))
    with pytest.raises(GalleryError, match="another process"):
        gallery.append(blocks_of_arrays(*world(2)))
    assert len(Gallery.from_arrays(tmp_path / "g", values, latlon, overwrite=True)) == 3

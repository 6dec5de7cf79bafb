"""Arrays, weights, galleries and results: cut off, packed bombs, pickles, and wrong numbers."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from geoloc.localization import Gallery
from geoloc.localization.checked_file import record_of
from geoloc.localization.model_bundle import FILE, WEIGHTS, sha256_of
from geoloc.localization.trained_model import hash_of
from tests.corpus.case import Case, Corpus, text
from tests.corpus.hostile import Payload

MB = 2**20


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def header(shape: str, dtype: str = "'<f4'", more: str = "") -> bytes:
    content = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}{more}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(content)) + content


def npz(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def zeros(megabytes: int) -> bytes:
    return npy(np.zeros((megabytes, MB // 4), np.float32))


def pickled(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(pickle.dumps(Payload(folder / "MARK")))
        return folder / name

    return write


def objects(folder: Path) -> Path:
    array = np.array([Payload(folder / "MARK")], dtype=object)
    return text("a.npy", npy(array, allow_pickle=True))(folder)


def objects_in_archive(folder: Path) -> Path:
    array = np.array([Payload(folder / "MARK")], dtype=object)
    return text("a.npz", npz(descriptors=npy(array, allow_pickle=True)))(folder)


def saved(name: str, content: Any, **options: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        value = content(folder) if callable(content) else content
        torch.save(value, folder / name, **options)
        return folder / name

    return write


def compressed(folder: Path) -> Path:
    """A checkpoint with 256 MB of zeros in 256 kB."""
    plain = saved("a.pth", {"w": torch.zeros(8)})(folder)
    with zipfile.ZipFile(plain) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, bytes(256 * MB) if name.endswith("data/0") else content)
    return plain


def cut_checkpoint(share: float) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        file = saved("a.pth", {"w": torch.arange(1000.0)})(folder)
        content = file.read_bytes()
        file.write_bytes(content[: int(len(content) * share)])
        return file

    return write


def descriptors() -> Corpus:
    good = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    whole = npy(good)
    bad: dict[str, bytes] = {
        "empty": b"",
        "text": b"1 2 3",
        "cut in the header": whole[:60],
        "cut in the rows": whole[:-10],
        "nothing but a header": header("(4, 3)"),
        "a million terabytes": header("(1000000000000, 1000000)"),
        "negative shape": header("(-1, 3)"),
        "shape beyond int64": header(f"({2**70}, 3)"),
        "shape whose product is beyond int64": header(f"({2**32}, {2**32})"),
        "shape of words": header("('a', 3)"),
        "shape of true": header("(True,)"),
        "header of code": header("__import__('os').system('touch MARK')"),
        "header with another key": header("(4, 3)", more=", 'x': 1"),
        "header of 60 kB": header("(4, 3)" + " " * 60_000),
        "no dtype": header("(4, 3)", "'zz'"),
        "version 9": whole.replace(b"\x93NUMPY\x01", b"\x93NUMPY\x09"),
        "one axis": npy(good[0]),
        "three axes": npy(good[None]),
        "no column": npy(good[:, :0]),
        "texts": npy(np.array([["a", "b"]])),
        "complex": npy(good.astype(np.complex64)),
        "booleans": npy(good > 0),
        "dates": npy(np.zeros((2, 2), "M8[s]")),
        "structures": npy(np.zeros((2, 2), [("a", "f4")])),
        "nan": npy(np.where(good > 1, np.nan, good)) if (good > 1).any() else npy(good * np.nan),
        "infinite": npy(good * np.inf),
        "zero row": npy(good * np.array([[1], [0], [1], [1]])),
    }
    reasons = {
        "text": "a.npy cannot be read as .npy or .npz: it is no .npy file",
        "negative shape": "the shape [-1, 3]",
        "shape whose product is beyond int64": "cut off",
        "version 9": "format version 9",
        "no column": "must hold descriptors [n, D]",
    }
    cases = {
        f"descriptors, {name}": Case(
            "descriptors", text("a.npy", content), says=reasons.get(name, "")
        )
        for name, content in bad.items()
    }
    archives = {
        "empty archive": npz(),
        "two arrays": npz(a=whole, b=whole),
        "cut archive": npz(descriptors=whole)[:-30],
        "bomb": npz(descriptors=zeros(256)),
        "bomb of many": npz(**{f"a{number}": zeros(16) for number in range(16)}),
        "member no array": npz(descriptors=b"hello"),
        "member cut off": npz(descriptors=whole[:-8]),
        "member of a million terabytes": npz(descriptors=header("(1000000000000, 1000000)")),
    }
    for name, content in archives.items():
        says = "unpack" if "bomb" in name else ""
        cases[f"descriptors, {name}"] = Case("descriptors", text("a.npz", content), says=says)
    cases["descriptors, pickle named npy"] = Case("descriptors", pickled("a.npy"))
    cases["descriptors, objects"] = Case("descriptors", objects, says="code")
    cases["descriptors, objects in an archive"] = Case(
        "descriptors", objects_in_archive, says="code"
    )
    cases["descriptors, doubles"] = Case(
        "descriptors", text("a.npy", npy(good.astype(np.float64))), True
    )
    cases["descriptors, fortran order"] = Case(
        "descriptors", text("a.npy", npy(np.asfortranarray(good))), True
    )
    for reader in ("features", "place features", "predictions"):
        file = "predictions.npz" if reader == "predictions" else "a.npz"
        cases[f"{reader}, bomb"] = Case(
            reader,
            text(file, npz(embeddings=zeros(256), coordinates=zeros(1))),
            says="unpack",
        )
        cases[f"{reader}, pickle"] = Case(reader, pickled(file))
        cases[f"{reader}, other arrays"] = Case(reader, text(file, npz(x=whole)))
        cases[f"{reader}, empty"] = Case(reader, text(file, b""))
        cases[f"{reader}, text"] = Case(reader, text(file, "text"), says=": it is no .npz file")
    return cases


def features() -> Corpus:
    """Arrays that do not belong together, for both readers of features."""
    good = {
        "filenames": np.array(["a.jpg", "b.jpg"]),
        "embeddings": np.eye(2, dtype=np.float32),
        "coordinates": np.ones((2, 2)),
    }
    changes: dict[str, dict[str, Any]] = {
        "more names": {"filenames": np.array(["a.jpg", "b.jpg", "c.jpg"])},
        "more embeddings": {"embeddings": np.eye(3, dtype=np.float32)},
        "embeddings of one axis": {"embeddings": np.ones(2, np.float32)},
        "more positions": {"coordinates": np.ones((3, 2))},
        "positions of three numbers": {"coordinates": np.ones((2, 3))},
    }
    # which a training may leave out or use, but no semivariogram
    of_places: dict[str, dict[str, Any]] = {
        "embeddings of words": {"embeddings": np.array([["a", "b"], ["c", "d"]])},
        "nan": {"embeddings": np.array([[1, np.nan], [0, 1]], np.float32)},
        "zero row": {"embeddings": np.array([[1, 0], [0, 0]], np.float32)},
        "positions off the earth": {"coordinates": np.full((2, 2), 500.0)},
    }
    cases: Corpus = {}
    for reader, more in (("features", {}), ("place features", of_places)):
        for name, change in {"good": {}, **changes, **more}.items():
            arrays = {key: npy(array) for key, array in (good | change).items()}
            write = text("a.npz", npz(**arrays))
            cases[f"{reader}, {name}"] = Case(reader, write, name == "good")
    return cases


def weights() -> Corpus:
    hostile = {"state_dict": {}}
    cases = {
        "pickle": pickled("a.pth"),
        "object among weights": saved(
            "a.pth", lambda folder: hostile | {"x": Payload(folder / "MARK")}
        ),
        "object, old format": saved(
            "a.pth",
            lambda folder: hostile | {"x": Payload(folder / "MARK")},
            _use_new_zipfile_serialization=False,
        ),
        "compressed bomb": compressed,
        "empty": text("a.pth", b""),
        "text": text("a.pth", "weights"),
        "zeros": text("a.pth", bytes(1000)),
        "empty zip": text("a.pth", npz()),
        "zip of arrays": text("a.pth", npz(a=npy(np.eye(2)))),
        "jpeg": text("a.pth", b"\xff\xd8\xff\xe0" + bytes(100)),
        "torchscript": text("a.pth", b"PK\x03\x04" + bytes(200)),
        **{f"cut at {share}": cut_checkpoint(share) for share in (0.01, 0.1, 0.3, 0.5, 0.9)},
    }
    reasons = {"compressed bomb": "compressed", "text": "does not begin as files of torch.save do"}
    return {
        f"weights, {name}": Case("weights", write, says=reasons.get(name, ""))
        for name, write in cases.items()
    }


def gallery(change: Callable[[Path, dict[str, Any]], Any]) -> Callable[[Path], Path]:
    """Return a writer of a gallery that ``change`` spoils, its checksums right unless it says."""

    def write(folder: Path) -> Path:
        place = folder / "g"
        Gallery.from_arrays(place, np.eye(3), np.ones((3, 2)), ["a.jpg", "b.jpg", "c.jpg"])
        file = place / "gallery.json"
        content = json.loads(file.read_text())
        result = change(place, content)
        file.write_text(result if isinstance(result, str) else json.dumps(content))
        return place

    return write


def set_value(*keys: Any, value: Any) -> Callable[[Path, dict[str, Any]], None]:
    def change(folder: Path, content: dict[str, Any]) -> None:
        node: Any = content
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return change


def array(number: int, data: bytes, rows: int | None = None) -> Callable[..., None]:
    """Put other bytes into a file, with the checksum that fits."""

    def change(folder: Path, content: dict[str, Any]) -> None:
        record = content["parts"][0]["files"][number]
        (folder / record["name"]).write_bytes(data)
        record |= vars(record_of(folder / record["name"]))
        if rows is not None:
            content["parts"][0]["rows"] = content["count"] = rows

    return change


def rows_of_doubles(folder: Path, content: dict[str, Any]) -> None:
    """Let the manifest and the rows agree on a type that no gallery has."""
    content["dtype"] = "float64"
    array(0, npy(np.eye(3)))(folder, content)


def galleries() -> Corpus:
    part = ("parts", 0)
    changes: dict[str, Callable[..., Any]] = {
        "empty manifest": lambda *_: "",
        "list": lambda *_: "[]",
        "number": lambda *_: "5",
        "nested for ever": lambda *_: "[" * 100_000,
        "version 9": set_value("format_version", value=9),
        "version of words": set_value("format_version", value="one"),
        "no parts": set_value("parts", value=None),
        "parts of words": set_value("parts", value="ab"),
        "other count": set_value("count", value=5),
        "unknown dtype": set_value("dtype", value="object"),
        "dtype of no gallery": rows_of_doubles,
        "negative width": set_value("dim", value=-3),
        "huge width": set_value("dim", value=10**30),
        "infinite width": set_value("dim", value=float("inf")),
        "width of words": set_value("dim", value="wide"),
        "model of words": set_value("model", value="m"),
        "model of other keys": set_value("model", value={"x": 1}),
        "index of other keys": set_value("index", value={"x": 1}),
        "no file": set_value(*part, "files", value=[]),
        "one file": set_value(*part, "files", value=[]),
        "file elsewhere": set_value(*part, "files", 0, "name", value="../descriptors.npy"),
        "file absolute": set_value(*part, "files", 0, "name", value="/etc/passwd"),
        "file above": set_value(*part, "files", 0, "name", value=".."),
        "file missing": set_value(*part, "files", 0, "name", value="gone.npy"),
        "other checksum": set_value(*part, "files", 0, "crc32", value=1),
        "other size": set_value(*part, "files", 0, "bytes", value=1),
        "pickle as rows": array(0, pickle.dumps(Payload(Path("MARK")))),
        "objects as rows": array(
            0, npy(np.array([Payload(Path("MARK"))], dtype=object), allow_pickle=True)
        ),
        "rows of doubles": array(0, npy(np.eye(3))),
        "rows of another shape": array(0, npy(np.eye(2, dtype=np.float32))),
        "rows cut off": array(0, npy(np.eye(3, dtype=np.float32))[:-4]),
        "rows of a terabyte": array(0, header(f"({10**12}, 3)"), rows=10**12),
        "nan positions": array(1, npy(np.full((3, 2), np.nan))),
        "positions off the earth": array(1, npy(np.full((3, 2), 500.0))),
        "image elsewhere": array(2, b"../../etc/passwd"[:14] + b"\n"),
        "ends beyond the text": array(3, npy(np.array([6, 12, 10**15]))),
        "ends backwards": array(3, npy(np.array([6, 3, -5]))),
    }
    cases = {
        f"gallery, {name}": Case("gallery", gallery(change), says="g/")
        for name, change in changes.items()
    }
    del cases["gallery, one file"]
    cases["gallery, good"] = Case("gallery", gallery(lambda *_: None), True)
    cases["gallery, file in its place"] = Case("gallery", text("g", "no folder"))
    return cases


def bundle(*keys: Any, value: Any, model: Any = None) -> Callable[[Path], Path]:
    """Return a writer of a bundle with one value changed, whose checksums are right before."""

    def write(folder: Path) -> Path:
        file = text(WEIGHTS, b"weights")(folder)
        config = {"type": "CrossViewRetriever"} if model is None else model
        content = {
            "format_version": 1,
            "geoloc_version": "1",
            "about": {},
            "record": {"config_hash": hash_of(config, {"drone": []}), "fingerprint": ""},
            "model": config,
            "pipelines": {"drone": []},
            "files": {WEIGHTS: sha256_of(file)},
            "graphs": {},
            "raw_images": True,
        }
        set_value(*keys, value=value)(folder, content)
        return text(FILE, json.dumps(content))(folder)

    return write


def bundles() -> Corpus:
    cases = {
        "later format": (bundle("format_version", value=2), "bundle.json has format version 2"),
        "other weights": (bundle("files", WEIGHTS, value="0"), f"{WEIGHTS} is not as it was"),
        "other model": (bundle("model", value={}), "bundle.json is not as it was"),
        "other files": (bundle("files", value={}), "its files are not its graphs'"),
        "type that would be imported": (
            bundle("raw_images", value=True, model={"type": "os.system"}),
            "model.type='os.system' is not registered",
        ),
    }
    return {
        f"bundle, {name}": Case("bundle", write, says=says) for name, (write, says) in cases.items()
    }


def results() -> Corpus:
    cases: Corpus = {}
    contents = {
        "empty": b"",
        "list": "[1]",
        "number": "1",
        "cut off": '{"format": ',
        "nested for ever": "[" * 100_000,
        "other format": '{"format": "mine"}',
        "other keys": '{"x": 1}',
        "not utf-8": b"\xff\xfe{}",
        "number of 5000 digits": "9" * 5000,
        "pickle": pickle.dumps([1]),
    }
    for reader in ("semivariogram", "calibration", "bundle"):
        file = "bundle.json" if reader == "bundle" else f"{reader}.json"
        for name, content in contents.items():
            cases[f"{reader}, {name}"] = Case(reader, text(file, content), says=file)
    for name in ("empty", "list", "number", "cut off", "nested for ever", "not utf-8", "pickle"):
        write = text("metrics.json", contents[name])
        cases[f"metrics, {name}"] = Case("metrics", write)
    columns = {k: [1.0] for k in ("lag_km", "gamma", "spread", "count")}
    plain = {
        "format": "geoloc semivariogram 1, kilometres",
        "status": "ok",
        "curve": None,
        "range_km": None,
        "r2": None,
        "estimator": "x",
        "edges_km": [0, 1],
        "filled": [True],
        **columns,
    }
    cases["semivariogram, good"] = Case(
        "semivariogram", text("semivariogram.json", json.dumps(plain)), True
    )
    for key, value in {
        "format": "geoloc semivariogram 2, miles",
        "status": "splendid",
        "edges_km": "far",
        "gamma": [[1.0]],
        "lag_km": [1, 2, 3],
        "filled": [None],
        "curve": {"model": "os.system", "nugget": 0.0, "partial_sill": 1.0, "scale_km": 1.0},
        "range_km": {"model": "gaussian"},
        "count": {},
    }.items():
        content = json.dumps(plain | {key: value})
        cases[f"semivariogram, {key}={value!r}"] = Case(
            "semivariogram", text("semivariogram.json", content)
        )
    return cases


def corpus() -> Corpus:
    return descriptors() | features() | weights() | galleries() | bundles() | results()

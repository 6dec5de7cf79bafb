"""Images: cut off, mutated, of absurd size, of other kinds than their names say, and odd ones."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.corpus.case import Case, Corpus, text

SIZE = (64, 48)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(MARK) (w) file pop\n%%EOF"


@cache
def noise(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def png(width: int, height: int, depth: int = 8, colour: int = 0, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    content = zlib.compress(rows or bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", content), chunk(b"IEND", b"")]
    )


def png16(channels: int) -> bytes:
    values = np.random.default_rng(1).integers(0, 2**16, (SIZE[1], SIZE[0] * channels))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(*SIZE, 16, 0 if channels == 1 else 2, rows)


def jpeg_of_size(width: int, height: int) -> bytes:
    content = bytearray(encoded(noise(), "JPEG"))
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def tiff_of_size(width: int, height: int) -> bytes:
    content = encoded(Image.new("L", (3, 5)), "TIFF")
    return content.replace(
        struct.pack("<HHIHH", 256, 4, 1, 3, 0), struct.pack("<HHII", 256, 4, 1, width)
    ).replace(struct.pack("<HHIHH", 257, 4, 1, 5, 0), struct.pack("<HHII", 257, 4, 1, height))


def rotated(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(noise(), "JPEG", exif=exif)


def mutated(content: bytes, seed: int, changes: int = 8) -> bytes:
    rng = random.Random(seed)
    changed = bytearray(content)
    for _ in range(changes):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def folder_named(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).mkdir()
        return folder / name

    return write


def link(name: str, target: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).symlink_to(target)
        return folder / name

    return write


def corpus() -> Corpus:
    cases: Corpus = {}

    def add(
        name: str, file: str, content: bytes, fine: bool | None = False, says: str = ""
    ) -> None:
        says = says or ("exceeds limit" if "bomb" in name else "")
        cases[f"image, {name}"] = Case("image", text(file, content), fine, says)

    whole = {"jpg": encoded(noise(), "JPEG"), "png": encoded(noise(), "PNG")}
    for kind, steps in (("jpg", 25), ("png", 13)):
        for step in range(1, steps):
            cut = whole[kind][: len(whole[kind]) * step // steps]
            add(f"{kind} cut at {step}/{steps}", f"cut.{kind}", cut)
        for seed in range(8):
            add(f"{kind} mutated {seed}", f"odd.{kind}", mutated(whole[kind], seed), None)

    for width, height in ((10**5, 10**5), (65535, 65535), (30000, 20000), (1, 2**31 - 1)):
        add(f"png bomb {width} x {height}", "bomb.png", png(width, height))
    add("png without size", "bomb.png", png(0, 0))
    add("jpg bomb", "bomb.jpg", jpeg_of_size(65000, 65000))
    add("ppm bomb", "bomb.ppm", b"P6 100000 100000 255\n" + bytes(100))
    gif = encoded(noise("P"), "GIF")
    add("gif bomb", "bomb.gif", gif[:6] + struct.pack("<HH", 65535, 65535) + gif[10:])
    bmp = struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0)
    add("bmp bomb", "bomb.bmp", b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + bmp)
    add("tiff bomb", "bomb.tif", tiff_of_size(60000, 60000))

    for name, content in {
        "empty": b"",
        "one byte": b"\xff",
        "text": b"not an image",
        "html": b"<!doctype html><title>404</title>",
        "csv": b"path,lat,lon\na,1,2\n",
        "eps, which Pillow gives to another program": EPS,
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        "zip": b"PK\x03\x04" + bytes(40),
        "pickle": b"cos\nsystem\n(S'touch MARK'\ntR.",
        "zeros": bytes(4096),
        "jpg start": b"\xff\xd8\xff\xe0",
        "png start": b"\x89PNG\r\n\x1a\n",
        "gif start": b"GIF89a",
        "tiff start": b"II*\0\x08\0\0\0",
        "tiff directory of itself": b"II*\0\x08\0\0\0" + bytes(2) + struct.pack("<I", 8),
        "webp start": b"RIFF\x24\0\0\0WEBPVP8 ",
        "elf": b"\x7fELF" + bytes(60),
    }.items():
        add(name, "photo.jpg", content, says="cannot identify" if content is EPS else "")
    cases["image, folder"] = Case("image", folder_named("folder.jpg"))
    cases["image, link to nothing"] = Case("image", link("dangling.jpg", "gone.jpg"))
    cases["image, link to itself"] = Case("image", link("loop.jpg", "loop.jpg"))
    for mode in ("I", "F"):
        add(f"tiff of 32 bits, {mode}", "a.tif", encoded(noise("L").convert(mode), "TIFF"))

    for orientation in range(1, 9):
        add(f"turned {orientation}", "a.jpg", rotated(orientation), True)
    frames = [noise(), noise().rotate(90)]
    for name, file, content in (
        ("cmyk", "a.jpg", encoded(noise("CMYK"), "JPEG")),
        ("grey", "a.jpg", encoded(noise("L"), "JPEG")),
        ("progressive", "a.jpg", encoded(noise(), "JPEG", progressive=True)),
        ("16 bits, grey", "a.png", png16(1)),
        ("16 bits, colour", "a.png", png16(3)),
        ("palette", "a.png", encoded(noise("P"), "PNG")),
        ("palette with a clear colour", "a.png", encoded(noise("P"), "PNG", transparency=0)),
        ("rgba", "a.png", encoded(noise("RGBA"), "PNG")),
        ("grey and alpha", "a.png", encoded(noise("LA"), "PNG")),
        ("1 bit", "a.png", encoded(noise("1"), "PNG")),
        ("animated gif", "a.gif", encoded(noise("P"), "GIF", save_all=True, append_images=frames)),
        ("animated png", "a.png", encoded(noise(), "PNG", save_all=True, append_images=frames)),
        ("bmp", "a.bmp", encoded(noise(), "BMP")),
        ("tiff", "a.tif", encoded(noise(), "TIFF")),
        ("webp", "a.webp", encoded(noise(), "WEBP", lossless=True)),
        ("ppm", "a.ppm", encoded(noise(), "PPM")),
        ("jpeg 2000", "a.jp2", encoded(noise(), "JPEG2000")),
        ("png named jpg", "a.jpg", whole["png"]),
        ("name in capitals", "A.JPG", whole["jpg"]),
        ("name of many alphabets", "日本 é.jpg", whole["jpg"]),
        ("trailing garbage", "a.jpg", whole["jpg"] + b"garbage" * 100),
    ):
        add(name, file, content, True)
    for kind in ("PNG", "JPEG", "GIF"):
        one = encoded(Image.new("RGB", (1, 1), "red"), kind)
        add(f"one pixel, {kind}", f"one.{kind.lower()}", one, True)
    return cases | exif_corpus()


def exif_corpus() -> Corpus:
    """Photos whose EXIF block gives no position, or a wrong one."""
    degrees = ((48, 1), (8, 1), (0, 1))
    good = {1: "N", 2: degrees, 3: "E", 4: degrees}
    changes: dict[str, dict[int, Any]] = {
        "no hemisphere": {1: None},
        "unknown hemisphere": {1: "Q"},
        "half a position": {4: None},
        "zero denominators": {2: ((48, 0), (8, 0), (0, 0))},
        "latitude 200": {2: ((200, 1), (0, 1), (0, 1))},
        "longitude 300": {4: ((300, 1), (0, 1), (0, 1))},
        "no fix": {2: ((0, 1),) * 3, 4: ((0, 1),) * 3},
        "four parts": {2: (*degrees, (1, 1))},
    }
    cases: Corpus = {}
    for name, change in changes.items():
        exif = Image.Exif()
        tags = {tag: value for tag, value in (good | change).items() if value is not None}
        rational = {
            tag: tuple(_rational(*v) for v in value) if isinstance(value, tuple) else value
            for tag, value in tags.items()
        }
        exif.get_ifd(0x8825).update(rational)
        exif[0x8825] = exif.get_ifd(0x8825)
        content = encoded(noise(), "JPEG", exif=exif)
        says = "a denominator is zero" if name == "zero denominators" else ""
        cases[f"exif, {name}"] = Case("exif", text("gps.jpg", content), says=says)
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({tag: v for tag, v in good.items() if isinstance(v, str)})
    exif[0x8825] = exif.get_ifd(0x8825)
    whole = encoded(noise(), "JPEG", exif=exif)
    start = whole.index(b"Exif\0\0")
    for seed in range(8):
        block = mutated(whole[start : start + 60], seed, 12)
        content = whole[:start] + block + whole[start + 60 :]
        cases[f"exif, mutated {seed}"] = Case("exif", text("gps.jpg", content), None)
    return cases


def _rational(numerator: int, denominator: int) -> Any:
    from PIL.TiffImagePlugin import IFDRational

    return IFDRational(numerator, denominator)

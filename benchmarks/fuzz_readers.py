"""Feed mutated bytes to the readers of indexes and configs, guided by the branches they reach.

    pip install atheris
    python benchmarks/fuzz_readers.py --reader index --runs 200000

A reader may refuse a file by a GeolocError. Anything else that it raises stops the run and leaves
the bytes in a file ``crash-...``. With ``--corpus`` a run begins where the one before ended.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SEEDS = {
    "index": [
        b"path,view,place,lat,lon,split\na.jpg,drone,1,2.5,3.5,test\n",
        b"path,view,place,lat,lon,split,label_a,also_1,camera_lat,camera_lon\n"
        b'"a,b.jpg",drone,1,2.5,3.5,test,4,5,6,7\n',
    ],
    "json": [b'{"model": {"type": "CrossViewRetriever", "x": {"__tuple__": [1, 2.5, null]}}}'],
    "yaml": [b"model:\n  type: CrossViewRetriever\n  losses: {x: [1, 2.5, 'a', true, null]}\n"],
}
MOST_BYTES = 2000


def main(argv: Sequence[str] | None = None) -> None:
    """Fuzz one reader for a fixed number of runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reader", choices=SEEDS, default="index")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="folder that keeps what reached new branches")
    args = parser.parse_args(argv)
    try:
        import atheris
    except ImportError:
        sys.exit("error: fuzzing needs the package atheris: pip install atheris")
    with atheris.instrument_imports(
        include=["geoloc.datasets.table", "geoloc.datasets.index", "geoloc.config_json",
                 "geoloc.engine.declarative_config", "geoloc.inner_paths", "csv", "yaml"]
    ):  # fmt: skip
        read = _reader(args.reader)
    from geoloc.errors import GeolocError

    folder = Path(tempfile.mkdtemp())
    corpus = args.corpus or folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[args.reader]):
        (corpus / f"seed{number}").write_bytes(seed)
    file = folder / {"index": "index.csv", "json": "c.json", "yaml": "c.yaml"}[args.reader]
    file.write_bytes(SEEDS[args.reader][0])
    read(file)  # what it imports at its first call is no part of a run
    counts = {"runs": 0, "read": 0, "refused": 0}
    start = time.perf_counter()

    def one(data: bytes) -> None:
        counts["runs"] += 1
        file.write_bytes(data)
        try:
            read(file)
            counts["read"] += 1
        except GeolocError as error:
            counts["refused"] += 1
            if "\n" in str(error):
                raise AssertionError(f"a refusal of several lines: {error!r}") from error
        if counts["runs"] == args.runs:  # the fuzzer ends the process without returning
            seconds = round(time.perf_counter() - start, 1)
            print(json.dumps({"reader": args.reader, **counts, "seconds": seconds}), flush=True)

    options = [f"-runs={args.runs}", f"-seed={args.seed}", f"-max_len={MOST_BYTES}"]
    atheris.Setup([sys.argv[0], *options, "-verbosity=0", str(corpus)], one)
    atheris.Fuzz()


def _reader(name: str) -> Callable[[Path], Any]:
    """Import a reader; what it imports is instrumented."""
    if name == "index":
        from geoloc.datasets.index import Index

        return Index.read_csv
    from geoloc.engine.declarative_config import read_declarative

    return read_declarative


if __name__ == "__main__":
    main()

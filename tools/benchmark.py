"""The same as ``geoloc benchmark``; see ``python tools/benchmark.py --help``."""

from functools import partial

from geoloc.command_line import run_named

main = partial(run_named, "benchmark")

if __name__ == "__main__":
    main()

"""The same as ``geoloc evaluate``; see ``python tools/evaluate.py --help``."""

from functools import partial

from geoloc.command_line import run_named

main = partial(run_named, "evaluate")

if __name__ == "__main__":
    main()

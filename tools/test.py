"""The same as ``geoloc test``; see ``python tools/test.py --help``."""

from functools import partial

from geoloc.command_line import run_named

main = partial(run_named, "test")

if __name__ == "__main__":
    main()

"""The same as ``geoloc localize``; see ``python tools/localize.py --help``."""

from functools import partial

from geoloc.command_line import run_named

main = partial(run_named, "localize")

if __name__ == "__main__":
    main()

"""The same as ``geoloc export``; see ``python tools/export.py --help``."""

from functools import partial

from geoloc.command_line import run_named

main = partial(run_named, "export")

if __name__ == "__main__":
    main()

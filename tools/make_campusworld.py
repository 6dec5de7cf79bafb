"""The same as ``geoloc campusworld``; see ``python tools/make_campusworld.py --help``."""

from functools import partial

from geoloc.command_line import run_named

main = partial(run_named, "campusworld")

if __name__ == "__main__":
    main()

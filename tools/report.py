"""The same as ``geoloc report``; see ``python tools/report.py --help``."""

from functools import partial

from geoloc.command_line import run_named

main = partial(run_named, "report")

if __name__ == "__main__":
    main()

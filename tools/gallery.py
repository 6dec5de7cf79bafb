"""The same as ``geoloc gallery``; see ``python tools/gallery.py --help``."""

from functools import partial

from geoloc.command_line import run_named

main = partial(run_named, "gallery")

if __name__ == "__main__":
    main()

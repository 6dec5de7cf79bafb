"""The same as ``geoloc train``; see ``python tools/train.py --help``."""

from functools import partial

from geoloc.command_line import run_named

main = partial(run_named, "train")

if __name__ == "__main__":
    main()

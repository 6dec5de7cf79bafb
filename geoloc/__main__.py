"""``python -m geoloc`` is the command ``geoloc``."""

from geoloc.command_line import main

if __name__ == "__main__":
    main()

"""What a check of the installation found."""

from typing import Literal, NamedTuple

Status = Literal["ok", "absent", "note", "broken"]


class Finding(NamedTuple):
    """What a check found.

    Attributes:
        name: What was looked at.
        text: What was found, and for a note or what is broken the fix.
        status: ``broken`` keeps geoloc from working, ``note`` may surprise, ``absent`` is
            something optional that is not there.
    """

    name: str
    text: str
    status: Status = "ok"

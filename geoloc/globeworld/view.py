"""The camera of a photo: a straight road, and where points beside it appear."""

from typing import NamedTuple

Point = tuple[float, float]
CAMERA_HEIGHT = 1.0
FAR = 40.0


class View(NamedTuple):
    """A pinhole camera over flat ground; lengths on the ground are in camera heights.

    Attributes:
        side: Width and height of the picture in px.
        horizon: Row of the horizon in px.
        vanish: Column at which the road ends in px.
    """

    side: int
    horizon: float
    vanish: float

    def at(self, across: float, depth: float, up: float = 0.0) -> Point:
        """Return the pixel of a point beside the road's axis.

        Args:
            across: To the right of the axis.
            depth: Away from the camera; at 1 the ground leaves the picture.
            up: Above the ground.
        """
        scale = (self.side - self.horizon) / depth
        return self.vanish + across * scale, self.horizon + (CAMERA_HEIGHT - up) * scale

    def size(self, length: float, depth: float) -> float:
        """Return how many px a length has at a depth."""
        return length * (self.side - self.horizon) / depth

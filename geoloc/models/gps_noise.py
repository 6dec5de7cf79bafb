"""GPS noise: displaced training positions as the augmentation of the location encoder."""

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.geo.great_circle import on_earth, step_metres
from geoloc.registry import MODELS

OFFICIAL_METRES_PER_DEGREE = 111_320.0


@MODELS.register_module()
class GpsNoise(nn.Module):
    """Displace positions by normal noise, independent to the north and to the east.

    Every process displaces the global batch alike: the noise is a function of a seed, drawn where
    all processes still agree, and of the number of the step. Both are buffers, so that a resumed
    run repeats it.

    Args:
        batch_m: Standard deviation in metres for the batch: 150 (recalled from the paper, and used
            by the precursor of the semivariogram paper; the official training code has no noise).
        queue_m: The same for the queue: 1000.
        official: Divide metres by 111320 along both axes, without the cosine of the latitude, so
            that the noise to the east shrinks towards the poles.

    Raises:
        ConfigError: If a deviation is negative.
    """

    seed: Tensor
    step: Tensor

    def __init__(
        self, batch_m: float = 150.0, queue_m: float = 1000.0, official: bool = False
    ) -> None:
        super().__init__()
        if min(batch_m, queue_m) < 0:
            raise ConfigError(
                f"model.noise: batch_m={batch_m} and queue_m={queue_m} are metres, 0 or more"
            )
        self.metres = batch_m, queue_m
        self.official = official
        self.register_buffer("seed", torch.randint(2**31, ()))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, batch: Tensor, queue: Tensor) -> tuple[Tensor, Tensor]:
        """Return the displaced positions of a step, and count it.

        Args:
            batch: (lat, lon) ``[B, 2]`` in degrees.
            queue: (lat, lon) ``[Q, 2]`` in degrees, Q >= 0.
        """
        generator = torch.Generator().manual_seed(int(self.seed) + 2**31 * int(self.step))
        self.step += 1
        first, second = self.metres
        return (
            self._displaced(batch, first, generator),
            self._displaced(queue, second, generator),
        )

    def _displaced(self, latlon: Tensor, metres: float, generator: torch.Generator) -> Tensor:
        normal = torch.randn(latlon.shape, generator=generator, dtype=torch.float64)
        noise = metres * normal.to(latlon)
        if self.official:
            return on_earth(latlon + noise / OFFICIAL_METRES_PER_DEGREE)
        return step_metres(latlon, noise)

"""How many neighbours multi-scale re-ranking looks at: k1 per scale."""

import torch
from torch import Tensor

from geoloc.datasets.place_levels import PlaceLevels
from geoloc.errors import ConfigError

DA_CAMPUS_K1 = (20, 62, 292)  # the published values; Eq. 6 gives them for its training images
PLACES_PER_CHUNK = 256


def k1_from_training(
    levels: PlaceLevels, images_per_place: Tensor, mu: float = 0.1, minimum: int = 20
) -> list[int]:
    """Return k1 per scale from the sizes of the positive sets in the training data.

    ``k^l = max(minimum, mu / C sum_c |S_c^{<= l}|)``, rounded, with ``|S_c^{<= l}|`` the number of
    images of the places at scale l or nearer of place c, itself included (DyCL, arXiv 2506.23077,
    Eq. 6).

    Args:
        levels: Levels between the C training places. Scale l means level ``L - l`` or higher, for
            ``l = 0 .. L - 1``.
        images_per_place: Number of training images of every place in the view that is searched,
            ``[C]``.
        mu: Share of the positives.
        minimum: Least k1.

    Returns:
        k1 of the L scales, nearest first, for ``multi_scale_rerank``.

    Raises:
        ConfigError: If the numbers do not belong to the places or are out of range.
    """
    if images_per_place.shape != (len(levels),):
        raise ConfigError(
            f"images_per_place has shape {list(images_per_place.shape)}, but there are "
            f"{len(levels)} places; give one number per place."
        )
    if not len(levels) or bool((images_per_place < 0).any()):
        raise ConfigError("images_per_place must be at least one number, none below 0.")
    if mu <= 0 or minimum < 1:
        raise ConfigError(f"mu={mu} must be above 0 and minimum={minimum} at least 1.")
    images = images_per_place.double()
    place = torch.arange(len(levels), device=images.device)
    total = torch.zeros(levels.highest, dtype=torch.float64)
    for start in range(0, len(place), PLACES_PER_CHUNK):
        level = levels(place[start : start + PLACES_PER_CHUNK], place)
        for scale in range(levels.highest):
            total[scale] += ((level >= levels.highest - scale).double() @ images).sum().item()
    return [max(minimum, round(mu * size / len(levels))) for size in total.tolist()]

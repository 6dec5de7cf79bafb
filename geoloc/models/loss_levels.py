"""Whether the levels of the training data suit a loss."""

from torch import nn

from geoloc.datasets.excluded_pairs import EXCLUDED, SAME_PLACE, ExcludingLevels
from geoloc.datasets.place_levels import PlaceLevels
from geoloc.errors import ConfigError


def check_levels(name: str, loss: nn.Module, levels: PlaceLevels) -> None:
    """Check that a loss finds positives, and leaves excluded pairs alone.

    Raises:
        ConfigError: If it does not; the message names what to set.
    """
    positive = getattr(loss, "positive_level", None)
    if positive is None:
        return
    if positive > levels.highest:
        raise ConfigError(
            f"{name}.positive_level={positive}, but the training data has no level above "
            f"{levels.highest}; set positive_level={levels.highest}"
        )
    negative = getattr(loss, "negative_level", None)
    if isinstance(levels, ExcludingLevels) and (positive, negative) != (SAME_PLACE, 0):
        how = f"set positive_level={SAME_PLACE}, negative_level=0"
        if negative is None:
            how = f"{type(loss).__name__} cannot leave them out; choose a loss with negative_level"
        raise ConfigError(
            f"{name}: the training data excludes pairs, at level {EXCLUDED}, from the negatives; "
            f"{how}"
        )

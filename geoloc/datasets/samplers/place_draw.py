"""Draw places for batches, and images for places, evenly."""

import numpy as np
from numpy.typing import NDArray


def most_batches(counts: NDArray[np.intp], batch_size: int) -> int:
    """Return how many full batches of distinct places exist.

    ``T`` batches exist if and only if ``sum_p min(counts_p, T) >= T * batch_size``: a place stands
    in each of them at most once.

    Args:
        counts: How often each place can be drawn, ``[P]``.
        batch_size: Places per batch.
    """
    batches = int(counts.sum()) // batch_size
    while (fitting := int(np.minimum(counts, batches).sum())) < batches * batch_size:
        batches = fitting // batch_size
    return batches


def whole_batches(
    counts: NDArray[np.intp], batch_size: int, generator: np.random.Generator
) -> NDArray[np.intp]:
    """Return how often to draw each place so that full batches use up every draw.

    The few draws too many (fewer than one batch) are taken from as many random places, once each.

    Args:
        counts: How often each place can be drawn, ``[P]``.
        batch_size: Places per batch.
        generator: Source of randomness.

    Returns:
        ``[P]`` numbers, none above ``counts``, with the sum ``most_batches * batch_size``.
    """
    batches = most_batches(counts, batch_size)
    draws = np.minimum(counts, batches)
    spare = int(draws.sum()) - batches * batch_size
    draws[generator.permutation(np.flatnonzero(draws))[:spare]] -= 1
    return draws


def draw_places(
    counts: NDArray[np.intp], batch_size: int, generator: np.random.Generator
) -> NDArray[np.intp]:
    """Return the places ``[n]`` of all batches in turn, place ``p`` exactly ``counts_p`` times.

    Places are drawn in proportion to their remaining draws, without replacement, by the smallest
    exponential variates (the Gumbel top-k trick). A place with as many draws left as batches must
    be in each of them and is forced in. The short batch is drawn first, though it comes last:
    full batches alone can always be completed from places with at most one draw per batch.

    Args:
        counts: How often to draw each place, ``[P]`` with sum ``n``.
        batch_size: Places per batch; the last may be shorter.
        generator: Source of randomness.
    """
    remaining = counts.copy()
    total = int(counts.sum())
    full, short = divmod(total, batch_size)
    sizes = ([short] if short else []) + [batch_size] * full
    batches = []
    for left, size in zip(range(len(sizes), 0, -1), sizes, strict=True):
        with np.errstate(divide="ignore"):
            keys = generator.standard_exponential(remaining.size) / remaining  # none left: inf
        keys[remaining == left] = -1.0
        chosen = np.argpartition(keys, size - 1)[:size]
        remaining[chosen] -= 1
        batches.append(generator.permutation(chosen))  # the partition sorts forced places first
    return np.concatenate(batches[1:] + batches[:1] if short else batches)


def take_images(
    drawn: NDArray[np.intp],
    labels: NDArray[np.intp],
    generator: np.random.Generator,
    images_per_place: int = 1,
) -> NDArray[np.intp]:
    """Return an image for every draw of a place.

    The ``t``-th time a place is drawn it gives the ``t``-th group of ``K`` of its shuffled images,
    counted round and round: no image comes twice before all have come, and the images of one
    group are distinct where the place has ``K``.

    Args:
        drawn: Places in the order they were drawn, ``[m]``.
        labels: Place of each item, 0-based without gaps, ``[n]``.
        generator: Source of randomness.
        images_per_place: Images ``K`` per draw.

    Returns:
        Item positions ``[m * K]``, the images of a draw side by side.
    """
    images = generator.permutation(labels.size)
    images = images[np.argsort(labels[images], kind="stable")]
    counts = np.bincount(labels)
    starts = np.cumsum(counts) - counts
    by_place = np.argsort(drawn, kind="stable")
    draws = np.bincount(drawn, minlength=counts.size)
    nth = np.empty_like(drawn)  # how often the place was drawn before
    nth[by_place] = np.arange(drawn.size) - np.repeat(np.cumsum(draws) - draws, draws)
    within = nth[:, None] * images_per_place + np.arange(images_per_place)
    taken: NDArray[np.intp] = images[starts[drawn, None] + within % counts[drawn, None]]
    return taken.ravel()

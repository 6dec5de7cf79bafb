"""The states of all random generators of a process, as checkpoints hold them."""

import random
from typing import Any

import numpy as np
import torch


def generator_states() -> dict[str, Any]:
    """Return the states of Python's, numpy's and torch's global generators, its GPU's too.

    Returns:
        Tensors, numbers and lists, which ``torch.load`` reads with ``weights_only=True``.
    """
    version, words, gauss = random.getstate()
    numpy_: dict[str, Any] = dict(np.random.get_state(legacy=False))  # noqa: NPY002
    inner = numpy_["state"]
    keys = torch.from_numpy(inner["key"].astype(np.int64))
    return {
        "python": [version, torch.tensor(words), gauss],
        "numpy": numpy_ | {"state": inner | {"key": keys}},
        "torch": torch.get_rng_state(),
        # of this process's GPU alone, which may have another number in a resumed run
        "cuda": [torch.cuda.get_rng_state()] if torch.cuda.is_available() else [],
    }


def restore_generators(states: dict[str, Any]) -> None:
    """Set the generators to what ``generator_states`` returned."""
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    inner = states["numpy"]["state"]
    inner = inner | {"key": inner["key"].cpu().numpy().astype(np.uint32)}
    np.random.set_state(states["numpy"] | {"state": inner})  # noqa: NPY002
    torch.set_rng_state(states["torch"].cpu())
    if states["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"][0].cpu())

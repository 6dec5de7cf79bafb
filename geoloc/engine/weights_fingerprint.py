"""A short name of weights, by which files that were made with them know them again."""

import hashlib

import torch
from torch import nn

from geoloc.engine.checkpoint import TRAINING_ONLY


def weights_fingerprint(model: nn.Module) -> str:
    """Return 12 hex digits of the SHA-256 of all weights that describe images."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if not name.startswith(TRAINING_ONLY):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:12]

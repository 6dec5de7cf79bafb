"""What runs on a GPU must equal what runs on the CPU; these tests are skipped without one."""

import pytest
import torch


@pytest.fixture(autouse=True)
def cuda() -> torch.device:
    """Return the GPU."""
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    return torch.device("cuda")

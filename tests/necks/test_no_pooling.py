import pytest
import torch

from geoloc.registry import NECKS


def test_vectors_pass_and_maps_do_not() -> None:
    neck = NECKS.build({"type": "NoPooling"})
    vectors = torch.rand(2, 3)
    assert torch.equal(neck(vectors), vectors)
    with pytest.raises(ValueError, match=r"vectors \[N, C\], got \[2, 3, 4, 4\]"):
        neck(torch.rand(2, 3, 4, 4))

import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.registry import NECKS


def test_the_first_tokens_are_kept() -> None:
    tokens = torch.rand(2, 5, 3)
    one = NECKS.build({"type": "ClassTokens"})(tokens)
    assert torch.equal(one, tokens[:, 0])
    two = NECKS.build({"type": "ClassTokens", "num_tokens": 2})(tokens)
    assert two.shape == (2, 3, 2)
    assert torch.equal(two[..., 1], tokens[:, 1])


@pytest.mark.parametrize("shape", [(2, 3), (2, 2, 3), (2, 3, 4, 4)])
def test_what_is_no_sequence_is_refused(shape) -> None:
    with pytest.raises(ValueError, match="of more than 2 tokens"):
        NECKS.build({"type": "ClassTokens", "num_tokens": 2})(torch.rand(shape))


def test_no_token_is_refused() -> None:
    with pytest.raises(ConfigError, match="num_tokens=0 must be positive"):
        NECKS.build({"type": "ClassTokens", "num_tokens": 0})

"""The tokens of a vision transformer that stand for the whole image."""

from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.registry import NECKS


@NECKS.register_module()
class ClassTokens(nn.Module):
    """Keep the first tokens of a sequence and leave out those of the patches.

    Args:
        num_tokens: T: 1 for the class token, 2 for that of a distilled ViT and its twin.

    Raises:
        ConfigError: If it is not positive.
    """

    def __init__(self, num_tokens: int = 1) -> None:
        super().__init__()
        if num_tokens < 1:
            raise ConfigError(f"ClassTokens: num_tokens={num_tokens} must be positive.")
        self.num_tokens = num_tokens

    def forward(self, tokens: Tensor) -> Tensor:
        """Return ``[N, C]`` for one token, else ``[N, C, T]``, of a sequence ``[N, L, C]``.

        Raises:
            ValueError: If ``tokens`` is no sequence of more than T.
        """
        if tokens.ndim != 3 or tokens.shape[1] <= self.num_tokens:
            raise ValueError(
                f"ClassTokens needs a sequence [N, L, C] of more than {self.num_tokens} tokens, "
                f"got {list(tokens.shape)}; a ViT returns one with out_type='raw'."
            )
        if self.num_tokens == 1:
            return tokens[:, 0]
        return tokens[:, : self.num_tokens].transpose(1, 2)

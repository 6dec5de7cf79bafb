"""A perceptron with one hidden layer from image features to embeddings."""

from torch import Tensor, nn

from geoloc.registry import HEADS


@HEADS.register_module()
class PerceptronHead(nn.Module):
    """Linear, ReLU, linear: the image head of GeoCLIP (known).

    Args:
        in_dims: I, the width of the image features.
        hidden_dims: Width of the hidden layer.
        embed_dims: D, the length of an embedding.

    Attributes:
        embed_dims: As given.
    """

    def __init__(self, in_dims: int = 768, hidden_dims: int = 768, embed_dims: int = 512) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.mlp = nn.Sequential(
            nn.Linear(in_dims, hidden_dims), nn.ReLU(), nn.Linear(hidden_dims, embed_dims)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings ``[B, D]``, not normalised, of ``features [B, I]``.

        Raises:
            ValueError: If ``features`` is not ``[B, I]``.
        """
        width = self.mlp[0].in_features
        if features.ndim != 2 or features.shape[1] != width:
            raise ValueError(
                f"PerceptronHead needs features [B, {width}], got {list(features.shape)}; set "
                "in_dims to the width of the backbone's features."
            )
        embedding: Tensor = self.mlp(features)
        return embedding

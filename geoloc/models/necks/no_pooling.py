"""The neck of backbones that pool by themselves."""

from torch import Tensor, nn

from geoloc.registry import NECKS


@NECKS.register_module()
class NoPooling(nn.Module):
    """Take the vector that the backbone returns, such as a ConvNeXt with its own average pooling.

    In a ConvNeXt the final norm stands between the pooling and the classifier, so that pooling a
    normalised map would be another function than the one its weights were trained for.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return the features ``[N, C]``.

        Raises:
            ValueError: If they are no vectors.
        """
        if features.ndim != 2:
            raise ValueError(
                f"NoPooling needs vectors [N, C], got {list(features.shape)}; let the backbone "
                "pool, or take a neck that does."
            )
        return features

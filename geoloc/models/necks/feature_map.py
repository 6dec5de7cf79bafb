"""The check of what a neck receives."""

from torch import Tensor


def check_feature_map(neck: str, features: Tensor, channels: int | None = None) -> None:
    """Refuse anything but one feature map ``[N, C, H, W]``.

    Args:
        neck: Name for the message.
        features: What the backbone returned.
        channels: C, where the neck was built for one.

    Raises:
        ValueError: If the shape is another; the message says what to set.
    """
    if features.ndim != 4 or not features.numel():
        raise ValueError(
            f"{neck} needs a feature map [N, C, H, W], got {list(features.shape)}; let the "
            "backbone return one (a ViT with out_type='featmap', a ConvNeXt with "
            "gap_before_final_norm=False)."
        )
    if channels not in (None, features.shape[1]):
        raise ValueError(
            f"{neck} was built for {channels} channels, got a feature map {list(features.shape)}; "
            f"set its channels to {features.shape[1]}."
        )

"""Location encoders: from positions on Earth to embeddings beside those of images."""

from geoloc.models.location_encoders.fourier_features import RandomFourierFeatures
from geoloc.models.location_encoders.location_encoder import LocationEncoder

__all__ = ["LocationEncoder", "RandomFourierFeatures"]

"""Heads: from pooled features to embeddings, and from embeddings to descriptors."""

from geoloc.models.heads.bottleneck_head import BottleneckHead
from geoloc.models.heads.distilled_head import DistilledHead
from geoloc.models.heads.normalize_head import NormalizeHead
from geoloc.models.heads.perceptron_head import PerceptronHead
from geoloc.models.heads.projection_head import ProjectionHead

__all__ = [
    "BottleneckHead",
    "DistilledHead",
    "NormalizeHead",
    "PerceptronHead",
    "ProjectionHead",
]

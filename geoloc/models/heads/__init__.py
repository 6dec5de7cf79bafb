"""Heads: from pooled features to descriptors."""

from geoloc.models.heads.projection_head import ProjectionHead

__all__ = ["ProjectionHead"]

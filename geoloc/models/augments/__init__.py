"""Augmentation of whole batches, where the model is."""

from geoloc.models.augments.batch_augment import BatchAugment

__all__ = ["BatchAugment"]

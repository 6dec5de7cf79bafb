"""Where photos were taken: galleries of places with known positions, and answers from them."""

from geoloc.localization.answer import Answer, Answers, Unread
from geoloc.localization.gallery import Gallery
from geoloc.localization.gallery_shards import merge_galleries, shard_gallery

__all__ = ["Answer", "Answers", "Gallery", "Unread", "merge_galleries", "shard_gallery"]

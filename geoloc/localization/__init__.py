"""Where photos were taken: galleries of places with known positions, and answers from them."""

from geoloc.localization.answer import Answer, Answers, Unread
from geoloc.localization.describer import Describer
from geoloc.localization.gallery import Gallery
from geoloc.localization.gallery_building import build_gallery
from geoloc.localization.gallery_shards import merge_galleries, shard_gallery
from geoloc.localization.localizer import Localizer, calibrate
from geoloc.localization.radius_calibration import RadiusCalibration

__all__ = [
    "Answer",
    "Answers",
    "Describer",
    "Gallery",
    "Localizer",
    "RadiusCalibration",
    "Unread",
    "build_gallery",
    "calibrate",
    "merge_galleries",
    "shard_gallery",
]

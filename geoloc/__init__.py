"""geoloc: distance-aware cross-view geo-localization."""

import warnings

__version__ = "0.1.0"

# mmcv-lite has no compiled operators and says so once per process; geoloc uses none of them.
warnings.filterwarnings("ignore", message="Fail to import ``MultiScaleDeformableAttention``")

# As geoclip_clip-vit-l14_osv5m on features extracted beforehand: one GPU, or a CPU, is enough.
_base_ = [
    "../_base_/datasets/osv5m_features.py",
    "../_base_/models/geoclip_clip-vit-l14.py",
    "../_base_/schedules/adam_geoclip.py",
    "../_base_/photo_runtime.py",
]

model = dict(
    backbone=dict(_delete_=True, type="CachedFeatures"),
    gallery=dict(
        type="FeatureGallery", path="data/OSV5M/features/clip-vit-l14/train", size=100_000
    ),
)

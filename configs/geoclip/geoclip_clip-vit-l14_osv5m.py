_base_ = [
    "../_base_/datasets/osv5m_photos.py",
    "../_base_/models/geoclip_clip-vit-l14.py",
    "../_base_/schedules/adam_geoclip.py",
    "../_base_/photo_runtime.py",
]

model = dict(
    gallery=dict(type="SourceGallery", source={{_base_.dataset}}, split="train", size=100_000)
)

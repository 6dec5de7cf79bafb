# CVUSA at the sizes of Sample4Geo, with its joint augmentation.
_base_ = "cvusa.py"

batch_size = 128
street_resize = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(768, 140)),  # width, height
]
satellite_resize = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(384, 384)),
]
augmentation = [
    dict(
        type="RandomApply",
        prob=0.5,
        transforms=[
            dict(
                type="mmpretrain.ColorJitter",
                brightness=0.15,
                contrast=0.15,
                saturation=0.15,
                backend="cv2",
            )
        ],
    ),
    dict(type="mmpretrain.RandomErasing", erase_prob=0.3, max_area_ratio=0.2),
]
pack = [dict(type="mmpretrain.PackInputs")]
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        pipelines=dict(
            street=street_resize + augmentation + pack,
            satellite=satellite_resize + augmentation + pack,
        ),
        pair_transforms=[dict(type="PairFlip"), dict(type="PairRotation")],
    ),
)
pipelines = dict(street=street_resize + pack, satellite=satellite_resize + pack)
val_dataloader = dict(batch_size=batch_size, dataset=dict(pipelines=pipelines))
test_dataloader = val_dataloader

_base_ = "../dsm/dsm_vgg16_cvact.py"

train_dataloader = dict(batch_size=120)  # the best of 30, 90 and 120 in the paper
model = dict(
    losses=dict(_delete_=True, seh=dict(type="SEHLoss", positive_level=2, negative_level=0))
)

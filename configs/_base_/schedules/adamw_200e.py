# L2LTR's: 222,000 steps of 32 pairs are 200 epochs of CVUSA and CVACT (known from its code).
_base_ = "adamw_100e.py"

optim_wrapper = dict(optimizer=dict(eps=1e-6), clip_grad=dict(max_norm=1.0))
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-3, by_epoch=False, end=500),
    dict(type="PartwiseCosineLR", T_max=200, end=200, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=200)

# For the levels of CVACT: only places beyond 25 m are negatives.
_base_ = "vgg16_two_streams.py"

model = dict(losses=dict(soft_margin=dict(positive_level=2, negative_level=0)))

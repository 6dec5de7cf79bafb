# GeoCLIP over the frozen image tower of CLIP ViT-L/14, whose weights nobody downloads for you.
model = dict(
    type="GeoCLIP",
    backbone=dict(type="ClipBackbone", checkpoint="data/weights/clip-vit-large-patch14"),
    head=dict(type="PerceptronHead", in_dims=768, hidden_dims=768, embed_dims=512),
    location_encoder=dict(type="LocationEncoder", sigmas=(1, 16, 256), embed_dims=512),
    queue=dict(type="GpsQueue", size=4096),
    noise=dict(type="GpsNoise", batch_m=150, queue_m=1000),
)

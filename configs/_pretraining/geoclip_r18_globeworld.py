# The common start of all methods in the benchmark on GlobeWorld, as CLIP is elsewhere: GeoCLIP on
# another planet, of which only the backbone is kept.
_base_ = "../geoclip/geoclip_r18_globeworld.py"

dataset = dict(seed=1, data_root="data/GlobeWorld-pretraining")
train_dataloader = dict(dataset=dict(source=dataset))
val_dataloader = dict(dataset=dict(source=dataset))
test_dataloader = val_dataloader
model = dict(gallery=dict(source=dataset))

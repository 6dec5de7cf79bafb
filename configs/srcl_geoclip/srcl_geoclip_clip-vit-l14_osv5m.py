_base_ = "../geoclip/geoclip_clip-vit-l14_osv5m.py"

# The backbone is frozen, so that the first fit holds for the whole training.
model = dict(loss=dict(type="SemivariogramInfoNCELoss"))
default_hooks = dict(semivariogram=dict(type="SemivariogramHook", refit="epoch"))

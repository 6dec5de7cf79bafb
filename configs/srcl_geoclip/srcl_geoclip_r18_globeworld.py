_base_ = "../geoclip/geoclip_r18_globeworld.py"

# The features that are compared do not change if the backbone is frozen; else they are refitted.
model = dict(loss=dict(type="SemivariogramInfoNCELoss"))
default_hooks = dict(semivariogram=dict(type="SemivariogramHook", refit="epoch"))

# The recipe of GeoCLIP (recalled from the paper; known from the precursor of the semivariogram
# paper): Adam without decoupling, 0.87 of the learning rate after every epoch. Number of epochs:
# recalled.
amp = True
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=3e-5, weight_decay=1e-6))
param_scheduler = dict(type="StepLR", by_epoch=True, step_size=1, gamma=0.87)
train_cfg = dict(by_epoch=True, max_epochs=10, val_interval=1)
val_cfg = dict()
test_cfg = dict()

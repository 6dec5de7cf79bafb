# Gradients of 1,024 pairs in the memory of 64 images (GradCache). The learning rate is that of 32
# pairs; it was not tuned for this batch.
_base_ = "infonce_r50_vigor.py"

model = dict(chunk_size=64)
train_dataloader = dict(batch_size=1024)

_base_ = "../safa/safa_vgg16_cvact.py"

model = dict(neck=dict(_delete_=True, type="StripEmbedding", map_size=(4, 20), num_parts=4))

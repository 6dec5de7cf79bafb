_base_ = "../safa/safa_r18_streetworld.py"

model = dict(neck=dict(_delete_=True, type="StripEmbedding", map_size=(4, 16), num_parts=4))

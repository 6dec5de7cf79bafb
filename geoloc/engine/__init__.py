"""The training engine: configs, checkpoints, and what geoloc adds to mmengine's Runner."""

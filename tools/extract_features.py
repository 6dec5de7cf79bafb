"""Extract the image features of a split with the backbone and neck of a GeoCLIP config.

    python tools/extract_features.py configs/geoclip/geoclip_clip-vit-l14_osv5m.py \
        data/OSV5M/features/train --split train --float16

An interrupted run goes on where it stopped. OUT is a folder, whose arrays training reads from the
disk, or an .npz file. Photos pass through the config's test pipeline.
"""

import argparse
from pathlib import Path

import torch
from mmengine.config import DictAction
from mmengine.registry import init_default_scope

from geoloc.command_line import run_command
from geoloc.datasets.photo_dataset import PhotoDataset
from geoloc.engine.checkpoint import load_local_checkpoint
from geoloc.engine.config import load_config
from geoloc.engine.feature_extraction import build_extractor, extract_features
from geoloc.engine.pretrained import load_weights
from geoloc.engine.weight_conversion import weights_in
from geoloc.errors import ConfigError
from geoloc.registry import DATASETS


def main() -> None:
    """Parse the command line, extract, and say what was written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config of a GeoCLIP model")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder or .npz file to write")
    parser.add_argument("--split", default="test", help="part of the dataset (default: test)")
    parser.add_argument("--data-root", help="folder of the dataset (default: the config's)")
    parser.add_argument("--checkpoint", help="trained weights (default: the start weights)")
    parser.add_argument("--float16", action="store_true", help="store half-precision numbers")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--num-workers", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE")
    args = parser.parse_args()
    cfg = load_config(args.config, args.cfg_options)
    init_default_scope("geoloc")
    if cfg.model.type != "GeoCLIP" or cfg.test_dataloader.dataset.type != "PhotoDataset":
        raise ConfigError(
            f"{args.config}: features are extracted from the PhotoDataset of a GeoCLIP config, it "
            f"has model.type={cfg.model.type!r} and "
            f"test_dataloader.dataset.type={cfg.test_dataloader.dataset.type!r}"
        )
    settings = {**cfg.test_dataloader.dataset, "split": args.split}
    if args.data_root is not None:
        settings["source"] = {**settings["source"], "data_root": args.data_root}
    dataset: PhotoDataset = DATASETS.build(settings)
    model = build_extractor(cfg.model)
    if args.checkpoint is not None:
        weights = weights_in(load_local_checkpoint(args.checkpoint), args.checkpoint)
        load_weights(model, weights, args.checkpoint)
    extract_features(
        model.to(args.device),
        dataset,
        args.out,
        args.batch_size,
        args.num_workers,
        "float16" if args.float16 else "float32",
    )
    print(f"{args.out}: features of {len(dataset)} photos")


if __name__ == "__main__":
    run_command(main)

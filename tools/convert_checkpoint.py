"""Convert a checkpoint of another project into one that geoloc loads.

dycl, happier: an official training checkpoint becomes a retriever checkpoint for tools/test.py,
e.g. with configs/dycl/dycl_r50_dacampus.py. torchvision, timm: a classifier's weights become those
of an mmpretrain backbone, for init_cfg; that also takes the unconverted file. geoclip: the folder
of the three released files (location encoder, image perceptron, logit scale; their names are
recalled), or one file of the whole network, becomes weights for model.init_cfg of configs/geoclip,
with allow_missing=True where CLIP has files of its own.

What is known of the official files: the training code of both projects saves a dict with
net_state, optimizer_state, scheduler_*_state, criterion_state, scaler_state, epoch, config (an
omegaconf object), command, metrics and random states. net_state has backbone.0 ... backbone.7
(conv1, bn1, relu, maxpool and layer1 ... layer4 of torchvision's ResNet) and fc (2048 -> 512); the
LayerNorm has no weights. criterion_state has the proxies of the clustering loss under super.weight.
Inferred, since no released file was at hand: that DyCL's dycl_20epoch.ckpt was saved by that code
(its evaluation script reads net_state from it). Files with pickled objects, such as that config,
need GEOLOC_TRUST_CHECKPOINTS=1 and the packages of these objects (omegaconf).
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from geoloc.command_line import run_command
from geoloc.engine.checkpoint import load_local_checkpoint
from geoloc.engine.weight_conversion import (
    BACKBONES_OF,
    GEOCLIP_FILES,
    convert_backbone,
    convert_geoclip,
    convert_retriever,
)
from geoloc.errors import CheckpointError


def main() -> None:
    """Parse the command line, convert, and say what was written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="IN", help="checkpoint to read")
    parser.add_argument("out", metavar="OUT", type=Path, help="checkpoint to write")
    parser.add_argument(
        "--format", choices=["dycl", "happier", "geoclip", *BACKBONES_OF], required=True
    )
    args = parser.parse_args()
    if Path(args.source).resolve() == args.out.resolve():
        raise CheckpointError(f"OUT is IN ({args.out}): the original would be lost; name another")
    content = read(Path(args.source), args.format)
    if args.format == "geoclip":
        weights = convert_geoclip(content, args.source)
    elif args.format in BACKBONES_OF:
        weights = convert_backbone(content, args.source, args.format)
    else:
        weights = convert_retriever(content, args.source)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    meta = {"converted_from": Path(args.source).name, "format": args.format}
    torch.save({"meta": meta, "state_dict": weights}, args.out)
    print(f"{args.out}: {len(weights)} tensors of {args.source}")


def read(source: Path, layout: str) -> Any:
    """Return the content of a file, or of every file of GeoCLIP's folder by name."""
    if layout == "geoclip" and source.is_dir():
        return {name: load_local_checkpoint(str(source / name)) for name in GEOCLIP_FILES}
    return load_local_checkpoint(str(source))


if __name__ == "__main__":
    run_command(main)

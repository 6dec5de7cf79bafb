"""Fit the semivariogram of a run's descriptors, or of features with positions in a .npz file.

SOURCE is a run folder, or a .npz file with filenames, embeddings [N, D] and coordinates [N, 2] of
(lat, lon) in degrees. Writes the curve for SemivariogramInfoNCELoss and a picture of it. See
docs/semivariogram.md.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from geoloc.command_line import run_command
from geoloc.errors import ConfigError
from geoloc.evaluation.place_features import read_npz_features, read_run_features
from geoloc.geo.great_circle import great_circle_km
from geoloc.geo.semivariogram import (
    MODELS,
    BinSums,
    cosine_distance_of_pairs,
    fit_semivariogram,
    lag_edges,
    save_semivariogram,
    stratified_pairs,
    with_medians,
)
from geoloc.geo.semivariogram.estimators import STREAMING
from geoloc.geo.semivariogram.fitting import WEIGHTS
from geoloc.geo.semivariogram.lag_bins import BINNINGS
from geoloc.geo.semivariogram.plot import plot_semivariogram
from geoloc.geo.semivariogram.semivariogram import RANGE_RULES


def main() -> None:
    """Parse the command line, fit, and write the files."""
    args = _parser().parse_args()
    is_run = args.source.is_dir()
    if is_run:
        features, latlon = read_run_features(args.source, args.per_place)
    else:
        features, latlon = read_npz_features(args.source)
    if args.shuffle:
        latlon = np.random.default_rng(args.seed).permutation(latlon)
    if len(latlon) < 2:
        raise ConfigError(f"{args.source} has {len(latlon)} places; a pair needs two")
    pairs = stratified_pairs(latlon, args.pairs, seed=args.seed)
    positions = torch.from_numpy(latlon)
    lag = great_circle_km(positions[pairs.first], positions[pairs.second])
    distance = cosine_distance_of_pairs(features, pairs)
    binning = args.binning or ("uniform" if is_run else "log")
    edges = lag_edges(binning, lag, args.bins, args.max_km)
    if len(lag) < len(edges) - 1:
        raise ConfigError(
            f"{args.source} has {len(lag)} pairs of places for {len(edges) - 1} bins; give more "
            "places or a smaller --bins"
        )
    sums = BinSums.of_pairs(edges, lag, distance)
    if args.estimator in STREAMING:
        points = sums.empirical(args.estimator, features.shape[-1])
    else:
        points = with_medians(sums.empirical(), lag, distance, args.estimator)
    fit = fit_semivariogram(
        points, args.model, args.weights, args.range_rule, estimator=args.estimator
    )
    out = args.out or (args.source if is_run else args.source.parent) / "semivariogram.json"
    picture = out.with_suffix(args.picture)
    plot_semivariogram(fit, picture)
    save_semivariogram(fit, out)
    print(fit.summary())
    print(f"Written to {out} and {picture}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="default: beside the source")
    parser.add_argument("--picture", choices=[".svg", ".png"], default=".svg")
    parser.add_argument(
        "--binning",
        choices=BINNINGS,
        help="uniform: 15 bins of equal count within 2 km (default for a run); log: 40 bins over "
        "the globe (default for .npz); linear: 20 of equal width",
    )
    parser.add_argument("--bins", type=int, metavar="K", help="number of bins")
    parser.add_argument("--max-km", type=float, help="largest distance that counts")
    parser.add_argument("--pairs", type=int, default=2_000_000, help="most pairs of places")
    parser.add_argument(
        "--per-place",
        choices=["mean", "first"],
        default="mean",
        help="feature of a place in a view: the mean of its images, or its first image",
    )
    parser.add_argument(
        "--estimator", choices=[*STREAMING, "median"], default="matheron", help="default: mean"
    )
    parser.add_argument("--model", choices=["auto", *MODELS], default="auto", help="auto: by AIC")
    parser.add_argument("--weights", choices=WEIGHTS, default="cressie")
    parser.add_argument("--range-rule", choices=RANGE_RULES, default="practical")
    parser.add_argument("--seed", type=int, default=0, help="of the draws of pairs")
    parser.add_argument(
        "--shuffle", action="store_true", help="control: give the places each other's positions"
    )
    return parser


if __name__ == "__main__":
    run_command(main)

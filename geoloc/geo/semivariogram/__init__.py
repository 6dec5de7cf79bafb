"""Semivariogram of visual features: the dissimilarity to expect at a distance on the ground."""

from geoloc.geo.semivariogram.bin_sums import BinSums
from geoloc.geo.semivariogram.correlation import MODELS, correlation
from geoloc.geo.semivariogram.curve import Curve
from geoloc.geo.semivariogram.empirical import Empirical, with_medians
from geoloc.geo.semivariogram.failure import Status, fault_of
from geoloc.geo.semivariogram.feature_distance import cosine_distance_of_pairs
from geoloc.geo.semivariogram.fitting import Fit, check_fitting, fit_curve
from geoloc.geo.semivariogram.json_file import load_semivariogram, save_semivariogram
from geoloc.geo.semivariogram.lag_bins import lag_edges, linear_edges, log_edges, uniform_edges
from geoloc.geo.semivariogram.pair_sampling import Pairs, stratified_pairs
from geoloc.geo.semivariogram.semivariogram import (
    Semivariogram,
    check_range_rule,
    fit_semivariogram,
)

__all__ = [
    "MODELS",
    "BinSums",
    "Curve",
    "Empirical",
    "Fit",
    "Pairs",
    "Semivariogram",
    "Status",
    "check_fitting",
    "check_range_rule",
    "correlation",
    "cosine_distance_of_pairs",
    "fault_of",
    "fit_curve",
    "fit_semivariogram",
    "lag_edges",
    "linear_edges",
    "load_semivariogram",
    "log_edges",
    "save_semivariogram",
    "stratified_pairs",
    "uniform_edges",
    "with_medians",
]

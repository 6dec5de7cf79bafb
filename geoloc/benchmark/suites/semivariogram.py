"""Negatives weighted by the semivariogram, on a globe and across views."""

from typing import Any

from geoloc.benchmark.suite import Entry, Suite
from geoloc.benchmark.suites.dycl import (
    DRONE_AND_SATELLITE,
    METRICS_OF_SCALES,
    MULTI,
    SINGLE,
)

PHOTO_TASK = "photo->gps"
RADII = tuple(f"Acc@{radius}km" for radius in (25, 200, 750, 2500))


def _srcl(method: str, group: str, **options: Any) -> Entry:
    changes = {f"model.loss.{name}": value for name, value in options.items()}
    return Entry(method, group, "srcl_geoclip", changes, paper="")


SEMIVARIOGRAM = (
    Entry("InfoNCE", "baseline", "geoclip", paper=""),
    _srcl("false negatives only", "weights", **{"emphasis.lambda_h": 0.0}),
    _srcl("hard negatives only", "weights", **{"emphasis.lambda_f": 0.0}),
    _srcl("both", "weights"),
    _srcl("both, mean weight 1", "weights", normalize_weights=True),
    _srcl("thesis, variant 5", "other modes", mode="logit_scale"),
    _srcl("thesis, variant 2", "other modes", mode="hcl_beta"),
    _srcl("false negatives left out", "other modes", mode="mask_fn"),
    _srcl("soft labels by distance", "other modes", mode="soft_label"),
    _srcl("both, shuffled positions", "control", **{"refit.shuffled": True}),
)

# What the main table leaves at its default. Rows that change GeoCLIP itself come in pairs.
ABLATION = (
    Entry("InfoNCE", "baseline", "geoclip", paper=""),
    _srcl("both, best model by AIC", "curve"),
    *(
        _srcl(f"both, {model} model", "curve", **{"refit.model": model})
        for model in ("spherical", "exponential", "stable", "matern")
    ),
    # only this mode stops at the range
    _srcl("thesis, variant 5, range at 95 %", "range", mode="logit_scale"),
    _srcl(
        "thesis, variant 5, range by the slope",
        "range",
        mode="logit_scale",
        **{"refit.range_rule": "slope"},
    ),
    # a floor above every standard deviation
    _srcl("both, deviations not standardised", "scores", **{"emphasis.sigma_min": 1.0}),
    *(
        Entry(f"{method}, {change}", group, folder, options, paper="")
        for group, change, options in (
            ("queue", "no queue", {"model.queue": None}),
            ("queue", "a quarter of the queue", {"model.queue.size": 128}),
            ("positions", "no GPS noise", {"model.noise": None}),
        )
        for method, folder in (("InfoNCE", "geoclip"), ("both", "srcl_geoclip"))
    ),
)

SEMIVARIOGRAM_SUITES = {
    "semivariogram": Suite(
        "Negatives weighted by the semivariogram, in GeoCLIP",
        (),
        SEMIVARIOGRAM,
        (PHOTO_TASK,),
        RADII,
    ),
    "semivariogram-ablation": Suite(
        "Choices behind the semivariogram, in GeoCLIP", (), ABLATION, (PHOTO_TASK,), RADII
    ),
    "semivariogram-retrieval": Suite(
        "Negatives weighted by the semivariogram, across views",
        ("DA-Campus",),
        (
            Entry("InfoNCE", SINGLE, "infonce"),
            Entry("SRCL-InfoNCE", SINGLE, "srcl_infonce", paper=""),
            Entry("DyCL", MULTI, "dycl"),
        ),
        DRONE_AND_SATELLITE,
        METRICS_OF_SCALES,
    ),
}

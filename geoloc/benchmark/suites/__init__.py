"""The tables and figures of the papers, and what else is asked about them."""

from geoloc.benchmark.suites.docb import DOCB_SUITES
from geoloc.benchmark.suites.dycl import DYCL_SUITES
from geoloc.benchmark.suites.semivariogram import SEMIVARIOGRAM_SUITES

SUITES = DYCL_SUITES | SEMIVARIOGRAM_SUITES | DOCB_SUITES

__all__ = ["SUITES"]

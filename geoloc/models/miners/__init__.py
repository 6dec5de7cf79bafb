"""Miners: loss terms from images outside the batch."""

from geoloc.models.miners.cross_batch_memory import CrossBatchMemory
from geoloc.models.miners.docb import DOCB
from geoloc.models.miners.global_mining import GlobalMining
from geoloc.models.miners.miner import GlobalBatch, Miner
from geoloc.models.miners.xbm import XBM

__all__ = ["DOCB", "XBM", "CrossBatchMemory", "GlobalBatch", "GlobalMining", "Miner"]

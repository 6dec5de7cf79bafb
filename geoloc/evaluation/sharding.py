"""The queries of a task shared out over the processes of a run."""

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from torch import Tensor


def own_share(num_queries: int) -> slice:
    """Return the run of queries that this process ranks; the shares differ by one at most."""
    rank, processes = get_rank(), get_world_size()
    return slice(rank * num_queries // processes, (rank + 1) * num_queries // processes)


def gather_shares(columns: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put the values of all processes in the order of the queries, on every process.

    Args:
        columns: ``{name: [q]}`` of this process's share; empty if the share is.

    Returns:
        ``{name: [Q]}`` on the CPU.
    """
    shares = all_gather_object({name: values.cpu() for name, values in columns.items()})
    filled = [share for share in shares if share]
    return {name: torch.cat([share[name] for share in filled]) for name in filled[0]}

"""Smooth hierarchical average precision, the loss of HAPPIER."""

import math

import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.smooth_hap import smooth_hap_loss
from geoloc.registry import LOSSES


@LOSSES.register_module()
class HAPLoss(PairLoss):
    r"""Smooth surrogate of 1 - H-AP (Ramzi et al., HAPPIER, ECCV 2022, arXiv 2207.04873).

    With the similarities s, the levels t and the relevances
    :math:`R_i = t_i^\alpha / \#\{j : t_j = t_i\}` of the items of one anchor,

    .. math::
        \text{H-AP} = \frac{1}{\sum_i R_i} \sum_{i:\, t_i > 0} \frac{\text{hrank}_i}{\text{rank}_i},
        \quad
        \text{rank}_i = 1 + \sum_{j \ne i} g(s_j - s_i), \quad
        \text{hrank}_i = R_i + \sum_{j \ne i} h(s_j - s_i) \min(R_i, R_j)

    and the loss is the mean of 1 - H-AP over the anchors. Both h and g are the step function H
    (H(0) = 1, gradient 0), except that g is the upper bound

    .. math::
        H^-(x) = \begin{cases} \sigma(x / \tau) & x \le 0 \\ \sigma(x / \tau) + \text{start} &
        0 < x \le \delta \\ \rho (x - \delta) + \text{offset} & x > \delta \end{cases}

    for the items of a lower level, so that they are pushed below i. An anchor without relevant
    items contributes 0 with gradient 0 and still counts in the mean. Where items of two levels
    score exactly the same the surrogate can fall below the H-AP loss and below 0.

    Cost: items of level 0 need no rank and equal levels are counted, so one direction evaluates
    :math:`H^-` once per item and *relevant* item of an anchor, in chunks, and keeps O(N M) memory.

    Args:
        tau: :math:`\tau`, the temperature.
        rho: :math:`\rho`, the slope of the linear branch.
        delta: :math:`\delta`, where the linear branch begins. None means 0; ``math.inf`` with
            ``start=0`` gives the plain sigmoid of Smooth-AP.
        offset: Value of the linear branch at ``delta``. None joins it to the sigmoid branch,
            :math:`\sigma(\delta / \tau) + \text{start}`, which is 1.4933 for the default values;
            the 1.44 of the official code steps down there.
        start: Height of the step at 0.
        with_hrank: Push the items of a *higher* level above i as well, with
            :math:`h(x) = \text{leak} \cdot x` for x <= 0 and :math:`\min(\beta x + \gamma, 1)`
            above, instead of H.
        beta: :math:`\beta`.
        gamma: :math:`\gamma`.
        leak: Slope of h below 0.
        alpha: :math:`\alpha`; larger values give the nearer levels more weight.

    Raises:
        ConfigError: If ``tau`` is not positive, or ``rho`` or ``delta`` is negative.
    """

    averages_rows = True

    def __init__(
        self,
        tau: float = 0.01,
        rho: float = 100.0,
        delta: float | None = 0.05,
        offset: float | None = 1.44,
        start: float = 0.5,
        with_hrank: bool = False,
        beta: float = 25.0,
        gamma: float = 0.5,
        leak: float = 10.0,
        alpha: float = 1.0,
    ) -> None:
        super().__init__()
        delta = 0.0 if delta is None else delta
        if tau <= 0 or rho < 0 or delta < 0:
            raise ConfigError(
                f"tau={tau} must be positive, rho={rho} and delta={delta} at least 0; for a "
                "sigmoid without a linear branch set delta=float('inf') and start=0."
            )
        self.tau, self.rho, self.delta, self.start = tau, rho, delta, start
        self._sigmoid_at_delta = 1 / (1 + math.exp(-delta / tau))
        self.offset = start + self._sigmoid_at_delta if offset is None else offset
        self.with_hrank, self.beta, self.gamma, self.leak = with_hrank, beta, gamma, leak
        self.alpha = alpha

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the mean of 1 - H-AP over the anchors of similarities and levels ``[N, M]``."""
        higher_step = self.higher_step if self.with_hrank else None
        return smooth_hap_loss(similarity, levels, self.alpha, self.lower_step, higher_step)

    def lower_step(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the upper bound of the step function and its derivative; overwrites ``x``."""
        # Sums instead of a choice between branches: torch is slow at selecting by a mask.
        beyond = _indicator(x, self.delta)
        sigmoid = x.clamp(max=self.delta).div_(self.tau).sigmoid_()
        value = _indicator(x, 0).mul_(self.start).add_(sigmoid)
        value.add_(x.sub_(self.delta).relu_(), alpha=self.rho)
        value.add_(beyond, alpha=self.offset - self.start - self._sigmoid_at_delta)
        slope = sigmoid.addcmul_(sigmoid, sigmoid, value=-1).div_(self.tau)
        at_delta = self._sigmoid_at_delta * (1 - self._sigmoid_at_delta) / self.tau
        return value, slope.add_(beyond, alpha=self.rho - at_delta)

    def higher_step(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the lower bound of the step function, ``with_hrank``, and its derivative."""
        above = _indicator(x, 0)
        ramp = self.beta * x + self.gamma
        value = torch.where(x > 0, ramp.clamp_max(1), self.leak * x)
        return value, above * self.beta * (ramp < 1) + (1 - above) * self.leak


def _indicator(x: Tensor, bound: float) -> Tensor:
    """Return 1.0 where ``x > bound`` and 0.0 elsewhere."""
    return torch.gt(x, bound, out=torch.empty_like(x))

"""How many images per second a training makes of its parts, and what holds it up."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from geoloc.engine.epoch_loop import loader_of
from geoloc.registry import RUNNERS

GEMM_SIZE = {"cpu": 1024, "cuda": 8192}
GEMM_ROUNDS = 7


class Throughput(NamedTuple):
    """What ``measure`` found; images of all views count.

    Attributes:
        loader: Images/s of the data loader when nothing waits for it.
        model: Images/s of training steps on one batch that is there already.
        whole: Images/s of the training as the runner does it, with all hooks.
        bare: Images/s of a loop of loader, forward pass, backward pass and optimiser.
        limit: Images/s if the step's matrix products and convolutions ran as fast as one large
            matrix product in the same precision on this machine, and nothing else took time.
        waiting: Share of the whole loop's time in which it waits for the next batch.
        flops: Floating point operations of a step, forward and backward.
        gemm_flops: Those per second of a large matrix product.
        dtype: In which convolutions compute.
    """

    loader: float
    model: float
    whole: float
    bare: float
    limit: float
    waiting: float
    flops: int
    gemm_flops: float
    dtype: str


class _Batches:
    """The batches of a sampler, epoch after epoch, so many in all."""

    def __init__(self, sampler: Iterable[list[int]], count: int) -> None:
        self.sampler, self.count = sampler, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[list[int]]:
        yield from islice(chain.from_iterable(repeat(self.sampler)), self.count)


class _Timer(Hook):
    """Times the steps of an epoch after the first ones, and their waiting for batches."""

    def __init__(self, warmup: int) -> None:
        self.warmup = warmup
        self.waited = self.seconds = 0.0
        self._began = self._ended = 0.0

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Add the time since the last step."""
        if batch_idx >= self.warmup:
            self.waited += time.perf_counter() - self._ended

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Begin after the warm-up, end with the epoch."""
        if batch_idx + 1 in (self.warmup, len(runner.train_dataloader)):
            _synchronize()
        self._ended = time.perf_counter()
        if batch_idx + 1 == self.warmup:
            self._began = self._ended
        self.seconds = self._ended - self._began


def measure(cfg: Config, steps: int = 20, warmup: int = 3) -> Throughput:
    """Time a training and its parts one after the other, from random weights.

    The bare loop runs before and after the whole one, and the mean of its times counts, so that a
    machine that becomes slower or faster meanwhile changes their ratio little. Custom hooks are
    left out: what they do once per epoch is no part of a step.

    Args:
        cfg: From ``prepare``; changed.
        steps: Timed steps of every part.
        warmup: Steps before them, at least 1.
    """
    runner, timer = _runner(cfg, steps, warmup)
    loader = runner.train_dataloader
    model, wrapper = runner.model, runner.optim_wrapper

    def seconds(batches: Iterable[Any], step: Callable[[Any], Any]) -> float:
        began = 0.0
        for number, batch in enumerate(batches, start=1):
            step(batch)
            if number in (warmup, warmup + steps):
                _synchronize()
                began, ended = time.perf_counter(), began
        return began - ended

    def bare_step(batch: Any) -> None:
        with wrapper.optim_context(model):
            losses = model(**model.data_preprocessor(batch, True), mode="loss")
        wrapper.optimizer.zero_grad()
        sum(losses.values()).backward()
        wrapper.optimizer.step()

    bare = seconds(loader, bare_step)
    runner.train_loop.run_epoch()
    bare = (bare + seconds(loader, bare_step)) / 2
    loaded = seconds(loader, lambda batch: None)
    batch = next(iter(loader))
    stepped = seconds(repeat(batch, warmup + steps), lambda one: model.train_step(one, wrapper))
    with FlopCounterMode(display=False) as counter:
        model.train_step(batch, wrapper)
    with wrapper.optim_context(model):
        device = next(model.parameters()).device.type
        dtype = (
            torch.get_autocast_dtype(device)
            if torch.is_autocast_enabled(device)
            else next(model.parameters()).dtype
        )
    flops, gemm = counter.get_total_flops(), gemm_flops(device, dtype)
    images = steps * sum(map(len, _views(batch["inputs"])))
    return Throughput(
        loader=images / loaded,
        model=images / stepped,
        whole=images / timer.seconds,
        bare=images / bare,
        limit=images / steps * gemm / flops,
        waiting=timer.waited / timer.seconds,
        flops=flops,
        gemm_flops=gemm,
        dtype=str(dtype).removeprefix("torch."),
    )


def gemm_flops(device: str, dtype: torch.dtype) -> float:
    """Return the floating point operations per second of a large matrix product, best of seven."""
    size = GEMM_SIZE[device]
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    times = []
    for _ in range(GEMM_ROUNDS):
        _synchronize()
        began = time.perf_counter()
        one @ other
        _synchronize()
        times.append(time.perf_counter() - began)
    return 2.0 * size**3 / min(times)


def _runner(cfg: Config, steps: int, warmup: int) -> tuple[Any, _Timer]:
    """Return a runner whose epochs have so many steps, ready to train, and the timer in it."""
    cfg.model.pop("init_cfg", None)
    cfg.custom_hooks = []
    cfg.default_hooks.checkpoint.update(interval=-1, save_last=False)
    cfg.param_scheduler = None
    runner = RUNNERS.build(cfg)
    timer = _Timer(warmup)
    runner.register_hook(timer, priority="LOWEST")
    loader = runner.build_dataloader(runner._train_dataloader, seed=runner.seed)
    runner._train_dataloader = loader_of(loader, _Batches(loader.batch_sampler, warmup + steps))
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.optim_wrapper.initialize_count_status(runner.model, 0, runner.max_iters)
    runner.call_hook("before_run")
    runner._maybe_compile("train_step")
    runner.call_hook("before_train")
    runner.model.train()
    return runner, timer


def _views(inputs: Any) -> list[Tensor]:
    """Return the images of a batch by view; those of a model without views are one."""
    return list(inputs.values()) if isinstance(inputs, dict) else [inputs]


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()

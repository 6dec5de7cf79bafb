"""Compiled functions."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function to machine code on its first call, and keep the code on disk.

    Workers then load what their parent compiled. Neither fast-math nor threads are used: both
    could change the last bit of a result, and with it an image. Kernels are inlined into
    each other: counting the references of every array at every call would take a third longer.
    """
    return cast(Function, njit(cache=True, forceinline=True)(function))

"""Compiled functions."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function to machine code on its first call, and keep the code on disk.

    Workers then load what their parent compiled. Neither fast-math nor numba's threads are used:
    both could change the last bit of a result, and a process that has used those threads cannot be
    forked into data loader workers any more. Python's threads can run kernels side by side, since
    none holds the interpreter's lock. Kernels are inlined into each other: counting the references
    of every array at every call would take a third longer.
    """
    return cast(Function, njit(cache=True, forceinline=True, nogil=True)(function))

"""Arithmetic on colours: linear RGB as a tuple of three, inside compiled kernels."""

from numba import njit


@njit(cache=True, error_model="numpy", inline="always")
def mix(a, b, t):
    """From a (t = 0) to b (t = 1)."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


@njit(cache=True, error_model="numpy", inline="always")
def scale(a, r, g, b):
    """Each channel by its own factor."""
    return (a[0] * r, a[1] * g, a[2] * b)

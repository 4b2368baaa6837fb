"""Which arithmetic is the faster here, bfloat16 or float32: measured, for the same instructions help on one processor and not on another."""

import contextlib
import time
from collections.abc import Callable

import torch

_ROUNDS = 3


class Precision:
    """Float32 unless `choose` finds that bfloat16 is faster; on a GPU always bfloat16."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.half = device.type == "cuda"

    def autocast(self) -> contextlib.AbstractContextManager:
        return torch.autocast(self._device.type, torch.bfloat16) if self.half else contextlib.nullcontext()

    def choose(self, step: Callable[[], None]) -> None:
        """step: a step of training, without the optimizer's"""
        if self._device.type != "cpu" or not torch.cpu._is_avx512_bf16_supported():
            return
        seconds = {}
        for self.half in (True, False):
            step()  # the first one also builds the kernels
            seconds[self.half] = min(_seconds(step) for _ in range(_ROUNDS))
        self.half = seconds[True] < seconds[False]
        print(
            f"{'bfloat16' if self.half else 'float32'}: {min(seconds.values()):.2f} s a step, not {max(seconds.values()):.2f}"
        )


def _seconds(step: Callable[[], None]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started

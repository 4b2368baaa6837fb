"""The reference adapter's memory: what self-attention saw of one photo, for the self-attention of another to look up.

As upstream's ReferenceAdapter (https://github.com/foivospar/Arc2Face): a writing pass over the reference keeps the normalised
features that enter every self-attention, and a reading pass appends them to its own keys and values.
"""

from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import nn


class ReferenceBank:
    """Writes and reads at every self-attention of `unet`, in the order in which they are called."""

    def __init__(self, unet: nn.Module) -> None:
        self._kept: dict[int, torch.Tensor] = {}
        self._writing = False
        self._readers: torch.Tensor | None = None
        paths = [path for path, _ in unet.named_modules() if path.endswith("attn1")]
        for k, path in enumerate(paths):
            unet.get_submodule(path).set_processor(_Remembering(self, k))

    def write(self) -> None:
        """The next evaluations are of the reference."""
        self._writing, self._readers = True, None

    def read(self, readers: torch.Tensor) -> None:
        """readers: bool [N], the rows of the batch that look up what was written at their place; the others do not."""
        self._writing, self._readers = False, readers

    def at(self, place: int, own: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What the self-attention at `place` looks at, and what to add to its scores."""
        if self._writing:
            self._kept[place] = own
        if self._writing or self._readers is None:
            return own, None
        kept = self._kept[place]
        hidden = torch.where(self._readers, 0.0, -torch.inf).to(own)
        mask = torch.cat([own.new_zeros(own.shape[:2]), hidden[:, None].expand(kept.shape[:2])], 1)
        return torch.cat([own, kept], 1), mask[:, None]


class _Remembering:
    """An attention processor of diffusers."""

    def __init__(self, bank: ReferenceBank, place: int) -> None:
        self._bank, self._place = bank, place

    def __call__(self, attn: Attention, hidden_states: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        seen, mask = self._bank.at(self._place, hidden_states)
        query, key, value = (
            attn.head_to_batch_dim(layer(x))
            for layer, x in ((attn.to_q, hidden_states), (attn.to_k, seen), (attn.to_v, seen))
        )
        if mask is not None:
            mask = mask.expand(-1, query.shape[1], -1).repeat_interleave(attn.heads, 0)
        weights = attn.get_attention_scores(query, key, mask)
        mixed = attn.batch_to_head_dim(torch.bmm(weights, value))
        return attn.to_out[1](attn.to_out[0](mixed))

"""The expression adapter: a second attention beside every cross-attention of a UNet, to a few tokens of an expression.

Decoupled cross-attention as in IP-Adapter (https://arxiv.org/abs/2308.06721); parameters as diffusers' load_ip_adapter names them.
"""

from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import nn

EXPRESSION = 55  # numbers: 50 of the face, 2 of the lids, 3 of the jaw
_TOKENS = 4  # what diffusers takes for granted in this naming


class _Projection(nn.Module):
    """Numbers to tokens; diffusers calls it ImageProjection, in the naming of IP-Adapter's own files."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(EXPRESSION, _TOKENS * width)
        self.norm = nn.LayerNorm(width)
        self._shape = (_TOKENS, width)

    def forward(self, expressions: torch.Tensor) -> torch.Tensor:
        return self.norm(self.proj(expressions).unflatten(1, self._shape))


class ExpressionAdapter(nn.Module):
    """Its keys are odd numbers over the cross-attentions in the order of `unet.attn_processors`: down, up, middle."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        attentions = [module for path, module in unet.named_modules() if path.endswith("attn2")]
        width = attentions[0].to_k.in_features
        self.image_proj = _Projection(width)
        self.ip_adapter = nn.ModuleDict()
        for k, attention in enumerate(attentions):
            layers = {name: nn.Linear(width, attention.inner_dim, bias=False) for name in ("to_k_ip", "to_v_ip")}
            # What is looked up is nothing at first, so that the painter starts as it is.
            nn.init.zeros_(layers["to_v_ip"].weight)
            self.ip_adapter[str(2 * k + 1)] = nn.ModuleDict(layers)
            attention.set_processor(_Decoupled(self, str(2 * k + 1)))
        self.scale = 1.0
        self._tokens: torch.Tensor | None = None

    def show(self, expressions: torch.Tensor) -> None:
        """For the next evaluations of the UNet: [N, 55], of each row of its batch."""
        self._tokens = self.image_proj(expressions)

    def look_up(self, key: str) -> tuple[torch.Tensor, torch.Tensor]:
        layers = self.ip_adapter[key]
        return layers["to_k_ip"](self._tokens), layers["to_v_ip"](self._tokens)


class _Decoupled:
    """An attention processor of diffusers: attention to the text, and with the same queries to the expression."""

    def __init__(self, adapter: ExpressionAdapter, key: str) -> None:
        self._adapter, self._key = adapter, key

    def __call__(
        self, attn: Attention, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor, **_: Any
    ) -> torch.Tensor:
        query = attn.head_to_batch_dim(attn.to_q(hidden_states))

        def attend(keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
            weights = attn.get_attention_scores(query, attn.head_to_batch_dim(keys))
            return attn.batch_to_head_dim(torch.bmm(weights, attn.head_to_batch_dim(values)))

        mixed = attend(attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states))
        mixed = mixed + self._adapter.scale * attend(*self._adapter.look_up(self._key))
        return attn.to_out[1](attn.to_out[0](mixed))

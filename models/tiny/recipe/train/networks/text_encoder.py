"""The text model of CLIP as transformers' `CLIPTextModel` has it, with Arc2Face's way in for an identity."""

from typing import Any

import torch
from torch import nn

from ..sizes import DiffusionSize

HIDDEN = 512  # what an identity needs
POSITIONS = 16  # of CLIP's 77 most would say what these do, and cost as much

# A vocabulary of its own; the prompt is "photo of a id person".
WORDS = {"photo": 0, "of": 1, "a": 2, "id": 3, "person": 4, "start": 5, "end": 6}


def _ids(*words: str) -> list[int]:
    ids = [WORDS[word] for word in words]
    return ids + [WORDS["end"]] * (POSITIONS - len(ids))


TOKENS = {
    "prompt": _ids("start", "photo", "of", "a", "id", "person", "end"),
    "empty": _ids("start", "end"),
    "identityPosition": 4,
}


def text_encoder_config(size: DiffusionSize) -> dict[str, Any]:
    """The fields of transformers' `CLIPTextConfig`."""
    return {
        "architectures": ["CLIPTextModel"],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "dropout": 0.0,
        "eos_token_id": 2,
        "hidden_act": "quick_gelu",
        "hidden_size": HIDDEN,
        "initializer_factor": 1.0,
        "initializer_range": 0.02,
        "intermediate_size": size.encoder_feed_forward,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": POSITIONS,
        "model_type": "clip_text_model",
        "num_attention_heads": 8,
        "num_hidden_layers": size.encoder_layers,
        "pad_token_id": 1,
        "projection_dim": HIDDEN,
        "torch_dtype": "float16",
        "vocab_size": len(WORDS),
    }


class _Attention(nn.Module):
    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(hidden, hidden) for _ in range(4))
        self.heads = heads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class _Layer(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        hidden, eps = config["hidden_size"], config["layer_norm_eps"]
        self.self_attn = _Attention(hidden, config["num_attention_heads"])
        self.layer_norm1 = nn.LayerNorm(hidden, eps)
        self.mlp = nn.ModuleDict(
            {
                "fc1": nn.Linear(hidden, config["intermediate_size"]),
                "fc2": nn.Linear(config["intermediate_size"], hidden),
            }
        )
        self.layer_norm2 = nn.LayerNorm(hidden, eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        inner = self.mlp["fc1"](self.layer_norm2(x))
        return x + self.mlp["fc2"](inner * torch.sigmoid(1.702 * inner))


class _TextModel(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        hidden = config["hidden_size"]
        self.embeddings = nn.ModuleDict(
            {
                "token_embedding": nn.Embedding(config["vocab_size"], hidden),
                "position_embedding": nn.Embedding(config["max_position_embeddings"], hidden),
            }
        )
        for embedding in self.embeddings.values():
            nn.init.normal_(embedding.weight, std=config["initializer_range"])
        self.encoder = nn.ModuleDict(
            {"layers": nn.ModuleList(_Layer(config) for _ in range(config["num_hidden_layers"]))}
        )
        self.final_layer_norm = nn.LayerNorm(hidden, config["layer_norm_eps"])


class TextEncoder(nn.Module):
    """Its parameters have the names of transformers' files."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.text_model = _TextModel(config)

    def forward(self, ids: torch.Tensor, identity: torch.Tensor | None = None, position: int = 0) -> torch.Tensor:
        """
        ids: [N, T]
        identity: [N, 512] of length 1; with zeros after it, it replaces the embedding of the token at `position`
        Returns the hidden states after the final norm, [N, T, hidden].
        """
        model = self.text_model
        x = model.embeddings["token_embedding"](ids)
        if identity is not None:
            row = nn.functional.pad(identity, (0, x.shape[2] - identity.shape[1])).to(x.dtype)
            x = torch.cat([x[:, :position], row[:, None], x[:, position + 1 :]], 1)
        x = x + model.embeddings["position_embedding"].weight[: ids.shape[1]]
        for layer in model.encoder["layers"]:
            x = layer(x)
        return model.final_layer_norm(x)

    def portraits(self, identities: torch.Tensor) -> torch.Tensor:
        """Conditioning of the prompt with each identity [N, 512], [N, T, hidden]."""
        ids = torch.tensor(TOKENS["prompt"], device=identities.device).expand(len(identities), -1)
        return self(ids, identities, TOKENS["identityPosition"])

    def empty(self, count: int) -> torch.Tensor:
        """Conditioning of the empty prompt, [count, T, hidden]."""
        device = self.text_model.final_layer_norm.weight.device
        return self(torch.tensor([TOKENS["empty"]], device=device)).expand(count, -1, -1)

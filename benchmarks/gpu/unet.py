"""Stable Diffusion 1.5's UNet in plain PyTorch, for machines without diffusers.

The modules have the names of diffusers' UNet2DConditionModel, so that its checkpoints load as they are, and the calls of
PyTorch that it makes: its time is that of diffusers' module but for the bookkeeping in Python.
"""

import math

import torch
import torch.nn.functional as functional
from torch import nn


class Resnet(nn.Module):
    """ResnetBlock2D: two convolutions, the time embedding between them, and a shortcut around them."""

    def __init__(self, before: int, channels: int, time: int, groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, before, eps=1e-5)
        self.conv1 = nn.Conv2d(before, channels, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, channels)
        self.norm2 = nn.GroupNorm(groups, channels, eps=1e-5)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(before, channels, 1) if before != channels else None

    def forward(self, x, time):
        hidden = self.conv1(functional.silu(self.norm1(x)))
        hidden = hidden + self.time_emb_proj(functional.silu(time))[:, :, None, None]
        hidden = self.conv2(functional.silu(self.norm2(hidden)))
        return hidden + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    def __init__(self, channels: int, context: int, heads: int):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context, channels, bias=False)
        self.to_v = nn.Linear(context, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x, context):
        def split(tokens):
            return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        query, key, value = split(self.to_q(x)), split(self.to_k(context)), split(self.to_v(context))
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.to_out[0](mixed.transpose(1, 2).flatten(2))


class GatedGelu(nn.Module):
    def __init__(self, channels: int, inner: int):
        super().__init__()
        self.proj = nn.Linear(channels, 2 * inner)

    def forward(self, x):
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * functional.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.net = nn.Sequential(GatedGelu(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels))

    def forward(self, x):
        return self.net(x)


class TransformerBlock(nn.Module):
    def __init__(self, channels: int, context: int, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = Attention(channels, channels, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.attn2 = Attention(channels, context, heads)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels)

    def forward(self, x, context):
        own = self.norm1(x)
        x = self.attn1(own, own) + x
        x = self.attn2(self.norm2(x), context) + x
        return self.ff(self.norm3(x)) + x


class Transformer(nn.Module):
    """Transformer2DModel over the pixels."""

    def __init__(self, channels: int, context: int, heads: int, groups: int):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, context, heads)])
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x, context):
        hidden = self.proj_in(self.norm(x))
        tokens = hidden.flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        return self.proj_out(tokens.transpose(1, 2).unflatten(2, hidden.shape[2:])) + x


class Downsampler(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x)


class Upsampler(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


class TimeEmbedding(nn.Module):
    def __init__(self, waves: int, size: int):
        super().__init__()
        self.linear_1 = nn.Linear(waves, size)
        self.linear_2 = nn.Linear(size, size)

    def forward(self, waves):
        return self.linear_2(functional.silu(self.linear_1(waves)))


class Block(nn.Module):
    """One level on the way down, on the way up, or the middle: what it lacks is empty."""

    def __init__(self, resnets, attentions, downsampler=None, upsampler=None):
        super().__init__()
        self.resnets = nn.ModuleList(resnets)
        if attentions:
            self.attentions = nn.ModuleList(attentions)
        if downsampler is not None:
            self.downsamplers = nn.ModuleList([downsampler])
        if upsampler is not None:
            self.upsamplers = nn.ModuleList([upsampler])


class UNet(nn.Module):
    """For the fields of config.json in which Stable Diffusion 1.5 and smaller networks of its kind differ."""

    def __init__(self, config: dict):
        super().__init__()
        channels, layers = config["block_out_channels"], config["layers_per_block"]
        groups, context = config["norm_num_groups"], config["cross_attention_dim"]
        heads = config["attention_head_dim"]  # the field of this name holds the number of heads
        self.waves, time = channels[0], 4 * channels[0]

        def resnet(before, after):
            return Resnet(before, after, time, groups)

        def transformer(size):
            return Transformer(size, context, heads, groups)

        self.conv_in = nn.Conv2d(config["in_channels"], channels[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(self.waves, time)

        last = len(channels) - 1
        skips, before = [channels[0]], channels[0]
        self.down_blocks = nn.ModuleList()
        for level, size in enumerate(channels):
            attends = config["down_block_types"][level].startswith("CrossAttn")
            resnets = [resnet(before if i == 0 else size, size) for i in range(layers)]
            transformers = [transformer(size) for _ in range(layers if attends else 0)]
            self.down_blocks.append(Block(resnets, transformers, Downsampler(size) if level < last else None))
            skips += [size] * (layers + (level < last))
            before = size

        middle = channels[-1]
        self.mid_block = Block([resnet(middle, middle) for _ in range(2)], [transformer(middle)])

        self.up_blocks = nn.ModuleList()
        for index, size in enumerate(reversed(channels)):
            attends = config["up_block_types"][index].startswith("CrossAttn")
            resnets = []
            for _ in range(layers + 1):
                resnets.append(resnet(before + skips.pop(), size))
                before = size
            transformers = [transformer(size) for _ in range(layers + 1 if attends else 0)]
            self.up_blocks.append(Block(resnets, transformers, upsampler=Upsampler(size) if index < last else None))

        self.conv_norm_out = nn.GroupNorm(groups, channels[0], eps=1e-5)
        self.conv_out = nn.Conv2d(channels[0], config["out_channels"], 3, padding=1)

    def forward(self, sample, timestep, encoder_hidden_states):
        """[rows, 4, height, width], [rows], [rows, tokens, size] to eps [rows, 4, height, width]."""
        half = self.waves // 2
        exponents = -math.log(10000) * torch.arange(half, dtype=torch.float32, device=sample.device) / half
        angles = timestep[:, None].float() * torch.exp(exponents)[None]
        time = self.time_embedding(torch.cat([angles.cos(), angles.sin()], dim=-1).to(sample.dtype))

        def layer(block, i, x):
            x = block.resnets[i](x, time)
            return block.attentions[i](x, encoder_hidden_states) if hasattr(block, "attentions") else x

        x = self.conv_in(sample)
        skips = [x]
        for block in self.down_blocks:
            for i in range(len(block.resnets)):
                x = layer(block, i, x)
                skips.append(x)
            if hasattr(block, "downsamplers"):
                x = block.downsamplers[0](x)
                skips.append(x)
        x = self.mid_block.resnets[1](layer(self.mid_block, 0, x), time)
        for block in self.up_blocks:
            for i in range(len(block.resnets)):
                x = layer(block, i, torch.cat([x, skips.pop()], dim=1))
            if hasattr(block, "upsamplers"):
                x = block.upsamplers[0](x)
        return self.conv_out(functional.silu(self.conv_norm_out(x)))

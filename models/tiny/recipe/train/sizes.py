"""Every size of the recipe: how much is rendered, how large the networks are, how long each stage trains.

`gpu` is for one large GPU with 16 CPU cores and nine minutes, `cpu` for a night of one CPU core, `smoke` shows in seconds
that everything fits together. TRAINING.md says why the sizes are what they are.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DataSize:
    resolution: int  # pixels of a photo's side, and of a portrait's; a multiple of 4 (a latent's), and of 2 for each level of the UNet but one
    identities: int  # people to train on
    photos: int  # of each of them
    heldout_identities: int  # people for the evaluation
    heldout_photos: int
    references: int  # people whose photos are taken once more, of somebody else in the same place
    reference_photos: int  # of each of them
    scenes: int  # to train the detector on
    heldout_scenes: int
    backdrops: int  # for scenes that are put together while the detector trains


@dataclass(frozen=True)
class DetectorSize:
    channels: tuple[int, int, int, int]  # at strides 2, 4, 8, 16
    blocks: tuple[int, int, int]  # residual blocks at strides 4, 8, 16
    canvases: tuple[int, ...]  # sides of the training scenes, multiples of 32
    batch: int  # of the largest; of smaller ones as many more


@dataclass(frozen=True)
class EmbedderSize:
    stem_stride: int  # 2 or 4: the crop of a small photo is an enlarged one, and its full size has nothing to see
    channels: tuple[int, ...]  # at 112 / stem_stride pixels, half of that, … 7
    blocks: tuple[int, ...]
    batch: int


@dataclass(frozen=True)
class EvaluatorSize:
    stem_stride: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    batch: int


@dataclass(frozen=True)
class KeypointReaderSize:
    channels: tuple[int, int, int]  # at half, a quarter and an eighth of the square's size
    batch: int  # a multiple of 4


@dataclass(frozen=True)
class AutoencoderSize:
    channels: tuple[int, int, int]  # at the full resolution, half, and that of the latents
    layers: int
    groups: int
    batch: int


@dataclass(frozen=True)
class DiffusionSize:
    channels: tuple[int, ...]  # of each level, the latents' own resolution first, then halves of it
    attention: tuple[bool, ...]  # which of them attend to each other and to the identity
    layers: int
    groups: int
    heads: int
    encoder_layers: int
    encoder_feed_forward: int
    batch: int


@dataclass(frozen=True)
class TinySize:
    """The tiny autoencoder: one width throughout, and blocks at each level, the finest first in the encoder and last in the decoder."""

    width: int
    encoder_blocks: tuple[int, int, int]
    decoder_blocks: tuple[int, int, int]
    batch: int


@dataclass(frozen=True)
class AdapterSize:
    """What is added to the finished painter; each adapter has its own stage."""

    batch: int  # of all but the tiny autoencoder
    lcm_rank: int
    reference_rank: int
    control_channels: tuple[int, int, int]  # of the normal maps' embedding, from their resolution to the latents'
    tiny: TinySize


@dataclass(frozen=True)
class Size:
    data: DataSize
    detector: DetectorSize
    embedder: EmbedderSize
    evaluator: EvaluatorSize
    keypoints: KeypointReaderSize
    vae: AutoencoderSize
    diffusion: DiffusionSize
    adapters: AdapterSize
    minutes: dict[str, float] = field(default_factory=dict)  # of each stage that has a clock; see stage.Options


SIZES = {
    "smoke": Size(
        data=DataSize(
            resolution=96,
            identities=8,
            photos=3,
            heldout_identities=4,
            heldout_photos=3,
            references=4,
            reference_photos=2,
            scenes=3,
            heldout_scenes=2,
            backdrops=2,
        ),
        detector=DetectorSize(channels=(8, 8, 16, 16), blocks=(1, 1, 1), canvases=(96, 160), batch=2),
        embedder=EmbedderSize(stem_stride=4, channels=(8, 16, 16), blocks=(1, 1, 1), batch=4),
        evaluator=EvaluatorSize(stem_stride=4, channels=(8, 16, 16), blocks=(1, 1, 1), batch=4),
        keypoints=KeypointReaderSize(channels=(8, 8, 16), batch=8),
        vae=AutoencoderSize(channels=(8, 16, 16), layers=1, groups=8, batch=2),
        diffusion=DiffusionSize(
            channels=(16, 16, 32),
            attention=(False, True, True),
            layers=1,
            groups=8,
            heads=2,
            encoder_layers=1,
            encoder_feed_forward=64,
            batch=4,
        ),
        adapters=AdapterSize(
            batch=4,
            lcm_rank=2,
            reference_rank=2,
            control_channels=(4, 8, 8),
            tiny=TinySize(width=8, encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1, 1), batch=2),
        ),
        minutes={
            "data": 2,
            "detector": 0.05,
            "embedder": 0.05,
            "evaluator": 0.05,
            "keypoints": 0.05,
            "vae": 0.05,
            "reader": 0.05,
            "diffusion": 0.05,
            "decoder": 0.05,
            "retouch": 0.05,
            "observer": 0.05,
            "taesd": 0.05,
            "controlnet": 0.05,
            "expression": 0.05,
            "reference": 0.05,
            "lcm": 0.05,
        },
    ),
    "cpu": Size(
        data=DataSize(
            resolution=96,
            identities=3000,
            photos=8,
            heldout_identities=300,
            heldout_photos=6,
            references=1500,
            reference_photos=2,
            scenes=600,
            heldout_scenes=300,
            backdrops=200,
        ),
        detector=DetectorSize(channels=(16, 32, 64, 128), blocks=(1, 2, 3), canvases=(160, 256), batch=5),
        embedder=EmbedderSize(stem_stride=4, channels=(32, 64, 128), blocks=(1, 2, 1), batch=40),
        evaluator=EvaluatorSize(stem_stride=4, channels=(32, 64, 128), blocks=(1, 2, 2), batch=40),
        keypoints=KeypointReaderSize(channels=(24, 48, 96), batch=64),
        vae=AutoencoderSize(channels=(16, 48, 64), layers=1, groups=8, batch=8),
        diffusion=DiffusionSize(
            channels=(32, 64, 96, 128),
            attention=(False, True, True, True),
            layers=1,
            groups=8,
            heads=4,
            encoder_layers=1,
            encoder_feed_forward=1024,
            batch=32,
        ),
        adapters=AdapterSize(
            batch=8,
            lcm_rank=16,
            reference_rank=16,
            control_channels=(16, 32, 64),
            tiny=TinySize(width=16, encoder_blocks=(1, 2, 3), decoder_blocks=(3, 3, 1), batch=16),
        ),
        minutes={
            "data": 75,
            "detector": 85,
            "embedder": 20,
            "evaluator": 17,
            "keypoints": 10,
            "vae": 60,
            "reader": 12,
            "diffusion": 420,
            "decoder": 60,
            "retouch": 36,
            "observer": 14,
            "taesd": 16,
            "controlnet": 90,
            "expression": 46,
            "reference": 30,
            "lcm": 14,
        },
    ),
    "gpu": Size(
        data=DataSize(
            resolution=128,
            identities=6000,
            photos=9,
            heldout_identities=300,
            heldout_photos=6,
            references=1500,
            reference_photos=2,
            scenes=2000,
            heldout_scenes=300,
            backdrops=500,
        ),
        detector=DetectorSize(channels=(16, 32, 64, 128), blocks=(1, 2, 3), canvases=(160, 256), batch=40),
        embedder=EmbedderSize(stem_stride=4, channels=(32, 64, 128), blocks=(1, 2, 1), batch=256),
        evaluator=EvaluatorSize(stem_stride=4, channels=(32, 64, 128), blocks=(1, 2, 2), batch=256),
        keypoints=KeypointReaderSize(channels=(24, 48, 96), batch=512),
        vae=AutoencoderSize(channels=(32, 64, 96), layers=1, groups=16, batch=64),
        diffusion=DiffusionSize(
            channels=(48, 80, 112, 112),
            attention=(False, True, True, True),
            layers=1,
            groups=16,
            heads=4,
            encoder_layers=1,
            encoder_feed_forward=1024,
            batch=512,
        ),
        adapters=AdapterSize(
            batch=64,
            lcm_rank=8,
            reference_rank=8,
            control_channels=(16, 32, 64),
            tiny=TinySize(width=24, encoder_blocks=(1, 2, 3), decoder_blocks=(3, 3, 1), batch=128),
        ),
        minutes={
            "data": 2.4,
            "detector": 8,
            "embedder": 8,
            "evaluator": 8,
            "keypoints": 3,
            "vae": 1.5,
            "reader": 0.2,
            "diffusion": 1.9,
            "decoder": 0.4,
            "retouch": 0.3,
            "observer": 0.15,
            "taesd": 0.25,
            "controlnet": 0.5,
            "expression": 0.5,
            "reference": 0.5,
            "lcm": 0.4,
        },
    ),
}

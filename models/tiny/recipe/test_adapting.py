"""The training of the adapters, on settings of seconds. It says nothing about how well they do what they are for."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny, ControlNetModel
from safetensors.torch import load_file

from conftest import SMOKE
from render import BLENDSHAPES, neutral_conditions, sample_conditions
from render.camera import rotation
from train import diffusion, evaluate, export, export_adapters, lcm
from train.adapted import Adapted
from train.networks.detector import Detector
from train.networks.embedder import Embedder
from train.networks.evaluator import Evaluator
from train.networks.expression_adapter import ExpressionAdapter
from train.networks.keypoint_reader import KeypointReader
from train.networks.lora import Lora
from train.networks.observer import Observer
from train.networks.painter import make_autoencoder, make_controlnet, make_tiny_autoencoder, make_unet
from train.networks.reference_bank import ReferenceBank
from train.networks.text_encoder import HIDDEN, TextEncoder, text_encoder_config
from train.photos import PhotoSet, PoseMaps, ReferenceSet
from train.portraits import Painter
from train.sizes import SIZES
from train.workspace import Workspace

SIZE = SIZES["smoke"]
CPU = torch.device("cpu")
SIDE = SIZE.data.resolution


# Data


def test_a_reference_shows_somebody_else_in_the_place_of_the_photo(run: Path):
    photos = PhotoSet(run / "data/people-train", CPU)
    pairs = ReferenceSet(run / "data/references-train", photos)
    assert len(pairs) == SIZE.data.references * SIZE.data.reference_photos
    assert not torch.any(photos.owner[pairs.rows] == photos.owner[pairs.strangers])
    difference = (photos.clean(pairs.rows) - pairs.clean(torch.arange(len(pairs)))).abs().mean(1)
    backdrop = photos.masks(pairs.rows)[:, 0] == 0
    # Hair may stand before some of it.
    assert all(d[b].median() < 15 for d, b in zip(difference, backdrop))
    assert all(d[~b].mean() > 20 for d, b in zip(difference, backdrop))


def test_there_is_a_pose_map_of_every_photo_and_it_looks_where_the_face_looks(run: Path):
    photos = PhotoSet(run / "data/people-train", CPU)
    maps = PoseMaps(run / "data/poses-train", photos)
    assert torch.equal(maps.rows.sort().values, torch.arange(len(photos)))
    torch.manual_seed(0)
    rows, normals = maps.draw(100)
    x, y = photos.keypoints[rows].round().long().unbind(2)
    found = normals[torch.arange(100)[:, None], :, y, x] * 255 / 127 - 128 / 127  # [100, 5, 3]
    # On the head, where normals have length 1; another person's far eye may lie beside it.
    assert ((found.norm(dim=2) - 1).abs() < 0.02).float().mean() > 0.95
    looks = found.mean(1)
    ahead = torch.tensor(np.stack([rotation(*pose)[:, 2] for pose in photos.poses[rows].tolist()]))
    # Chins and noses of people differ more than their sides do.
    for k, least in ((0, 0.9), (1, 0.5)):
        assert torch.corrcoef(torch.stack([looks[:, k], ahead[:, k].float()]))[0, 1] > least


# Stages


def test_an_adapter_refuses_another_painter_than_its_own(run: Path, bundle: Path, tmp_path: Path):
    shutil.copytree(run, tmp_path / "run")
    others = ["--out", str(tmp_path / "run"), *SMOKE, "--device", "cpu", "--minutes"]
    diffusion.main([*others, "0.04"])
    with pytest.raises(SystemExit, match="diffusion"):
        lcm.main([*others, "0.04"])


def test_painter_and_adapters_fit_into_one_command_on_a_gpu_and_the_adapters_into_some_time_of_a_core():
    first_networks = {"detector", "embedder", "evaluator", "keypoints"}
    painter = {"data", "vae", "reader", "diffusion", "decoder", "retouch"}
    gpu = {stage: minutes for stage, minutes in SIZES["gpu"].minutes.items() if stage not in first_networks}
    cpu = {stage: minutes for stage, minutes in SIZES["cpu"].minutes.items() if stage not in first_networks | painter}
    assert len(cpu) >= 6 and gpu.keys() == cpu.keys() | painter
    assert sum(gpu.values()) <= 9.001 and sum(cpu.values()) <= 220


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_all_weights_together_are_as_small_as_the_exporter_asks(name: str):
    size = SIZES[name]
    with torch.device("meta"):
        unet = make_unet(size.diffusion, SIDE)
        networks = [
            unet,
            TextEncoder(text_encoder_config(size.diffusion)),
            make_autoencoder(size.vae, SIDE),
            Detector(size.detector),
            Embedder(size.embedder),
            Evaluator(size.evaluator),
            KeypointReader(size.keypoints),
            Observer(),
            make_controlnet(unet, size.adapters.control_channels),
            ExpressionAdapter(unet),
            Lora(unet, size.adapters.lcm_rank),
            Lora(unet, size.adapters.reference_rank),
            make_tiny_autoencoder(size.adapters.tiny),
        ]
    # In float16, with half a megabyte for what the files say beside their weights.
    assert 2 * sum(p.numel() for network in networks for p in network.parameters()) + 500_000 < export.MAX_TOTAL_BYTES


# The bundle


@pytest.fixture
def asked() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noisy latents, timesteps and conditioning of four portraits."""
    torch.manual_seed(0)
    return torch.randn(4, 4, SIDE // 4, SIDE // 4), torch.tensor([10, 300, 600, 999]), torch.randn(4, 16, HIDDEN)


@pytest.mark.parametrize("folder, model", [("controlnet", ControlNetModel), ("taesd", AutoencoderTiny)])
def test_an_exported_network_loads_in_diffusers_without_a_missing_weight(bundle: Path, folder: str, model: type):
    network, report = model.from_pretrained(bundle / folder, output_loading_info=True, low_cpu_mem_usage=False)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    known = json.loads(network.to_json_string()).keys()
    assert json.loads((bundle / folder / "config.json").read_text()).keys() <= known
    assert all(
        value.dtype == torch.float16 for value in load_file(next((bundle / folder).glob("*.safetensors"))).values()
    )


@torch.no_grad()
def test_exported_adapters_do_what_the_trained_ones_did(run: Path, bundle: Path, asked):
    workspace, paint = Workspace(run), Painter(bundle, CPU)
    adapted, (noisy, _, conditioning) = Adapted(paint, bundle, CPU), asked

    def unet() -> torch.nn.Module:
        return workspace.load_result("diffusion", "unet", make_unet(SIZE.diffusion, SIDE))

    plain = paint.predict(*asked)
    found, wanted = {}, {}

    network = unet()
    workspace.load_result("lcm", "network", Lora(network, SIZE.adapters.lcm_rank))
    found["lcm"], wanted["lcm"] = adapted.few_steps()(*asked), network(*asked).sample

    normals = torch.randint(256, (4, SIDE, SIDE, 3), dtype=torch.uint8)
    network = workspace.load_result("controlnet", "network", make_controlnet(unet(), SIZE.adapters.control_channels))
    given = normals.permute(0, 3, 1, 2) / 255
    down, middle = network(*asked, controlnet_cond=given, return_dict=False)
    found["pose"] = adapted.posed(normals.numpy())(*asked)
    wanted["pose"] = unet()(*asked, down_block_additional_residuals=down, mid_block_additional_residual=middle).sample

    numbers, network = torch.rand(4, 55), unet()
    workspace.load_result("expression", "network", ExpressionAdapter(network)).show(numbers)
    found["expression"], wanted["expression"] = adapted.expressing(numbers.numpy())(*asked), network(*asked).sample

    references, network = torch.randn(2, *noisy.shape[1:]), unet()
    bank = ReferenceBank(network)
    bank.write()
    network(references.repeat(2, 1, 1, 1), 0, conditioning[2:].repeat(2, 1, 1))
    workspace.load_result("reference", "network", Lora(network, SIZE.adapters.reference_rank))
    bank.read(torch.tensor([False, False, True, True]))
    found["reference"], wanted["reference"] = adapted.referring(references, 1.0)(*asked), network(*asked).sample

    for name, value in found.items():
        torch.testing.assert_close(
            value, wanted[name], rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )
        # Something was learnt: all but the reference's bank add nothing at first.
        assert (value - plain).abs().max() > 1e-4, name
    tiny = workspace.load_result("taesd", "network", make_tiny_autoencoder(SIZE.adapters.tiny))
    exported = AutoencoderTiny.from_pretrained(bundle / "taesd", low_cpu_mem_usage=False)
    torch.testing.assert_close(exported.decode(noisy).sample, tiny.decode(noisy).sample, rtol=1e-4, atol=1e-5)


def test_names_of_the_exported_additions_are_those_of_the_unet_s_layers(bundle: Path):
    unet = make_unet(SIZE.diffusion, SIDE)
    layers = {path for path, layer in unet.named_modules() if hasattr(layer, "weight")}
    lcm_lora = load_file(bundle / "lcm-lora/pytorch_lora_weights.safetensors")
    assert {name.split(".")[0] for name in lcm_lora} < {"lora_unet_" + path.replace(".", "_") for path in layers}
    assert {name.split(".", 1)[1] for name in lcm_lora} == {"lora_down.weight", "lora_up.weight", "alpha"}
    reference = load_file(bundle / "ref_adapter/pytorch_lora_weights.safetensors")
    assert {name.removeprefix("unet.").rsplit(".lora.", 1)[0] for name in reference} < layers
    unet._load_ip_adapter_weights([torch.load(bundle / "exp_adapter/exp_adapter.bin", weights_only=True)])


def test_the_evaluation_says_what_named_expressions_look_like(run: Path, bundle: Path):
    looks = json.loads((run / "evaluation" / export_adapters.LOOKS).read_text())
    assert looks.keys() == json.loads((bundle / export_adapters.EXPRESSIONS).read_text()).keys()
    assert all(len(look) == len(BLENDSHAPES) for look in looks.values())
    assert len({tuple(look) for look in looks.values()}) == len(looks)


def test_the_bundle_says_how_poses_are_framed(bundle: Path):
    framing = json.loads((bundle / "controlnet/framing.json").read_text())
    place = neutral_conditions()
    assert framing == {"cameraDistance": place.distance, "headHeight": place.zoom}
    # As the photos that the ControlNet saw, on average.
    zooms = np.array([sample_conditions(seed).zoom for seed in range(200)])
    assert abs(zooms.mean() - framing["headHeight"]) < 0.01


def test_an_adapter_that_is_not_trained_is_left_out_and_not_measured(run: Path, bundle: Path, tmp_path: Path):
    """Some of them are worth a look while the others train."""
    shutil.copytree(run / "results", tmp_path / "results")
    for stage in ("reference", "lcm", "controlnet"):
        (tmp_path / "results" / f"{stage}.network.safetensors").unlink()
    export.export(Workspace(tmp_path), SIZE, tmp_path / "bundle", tmp_path / "evaluation")
    folders = {path.name for path in (tmp_path / "bundle").iterdir()}
    assert {"taesd", "exp_adapter", "expressions.json"} < folders
    assert not folders & {"ref_adapter", "lcm-lora", "controlnet"}
    (tmp_path / "data").symlink_to(run / "data")
    evaluate.main(["--out", str(tmp_path), "--each", "1", "--device", "cpu"])
    measured = {name.split(":")[0] for name in json.loads((tmp_path / "evaluation.json").read_text())}
    assert {"taesd", "expression"} < measured and not measured & {"reference", "lcm", "controlnet"}


def test_the_bundle_knows_some_expressions_by_name(bundle: Path):
    named = json.loads((bundle / "expressions.json").read_text())
    assert "smile" in named and all(np.shape(numbers) == (55,) for numbers in named.values())

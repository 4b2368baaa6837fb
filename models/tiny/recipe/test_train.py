"""The training, on settings of seconds: run `pytest test_train.py` in this folder. It says nothing about how good the networks get."""

import json
import math
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors.torch import load_file

from conftest import SMOKE
from dataset import HELD_OUT
from train import (
    adopt,
    autoencoding,
    composition,
    controlnet,
    crops,
    data,
    detector,
    diffusion,
    embedder,
    evaluate,
    export,
    fixtures,
    keypoints,
    looks,
    recognition,
    retouch,
    vae,
)
from train.examples import Examples
from train.faces import FaceDetector
from train.networks.detector import OUTPUT_NAMES, STRIDE, Detector, ScrfdOutputs, anchors, cells
from train.networks.embedder import Embedder
from train.networks.evaluator import Evaluator
from train.networks.keypoint_reader import GRID, KeypointReader, Points
from train.networks.painter import SCHEDULER, alphas_cumprod
from train.networks.text_encoder import TOKENS, TextEncoder
from train.photos import PhotoSet, SceneSet, load_backdrops
from train.precision import Precision
from train.sizes import SIZES
from train.squares import cut, square_around, within
from train.stage import read_options
from train.workspace import Workspace

REPOSITORY = Path(__file__).parents[3]
GOLDEN = REPOSITORY / "test/golden"


# Data


def test_training_meets_no_held_out_person(run: Path):
    met = PhotoSet(run / "data/people-train", torch.device("cpu"))
    held_out = PhotoSet(run / "data/people-heldout", torch.device("cpu"))
    assert met.seeds.max() < HELD_OUT <= held_out.seeds.min()
    assert held_out.seeds.max() < data.FIXTURES
    assert all(size.data.identities <= HELD_OUT for size in SIZES.values())
    assert all(HELD_OUT + size.data.heldout_identities <= data.FIXTURES for size in SIZES.values())


def test_rendering_goes_on_with_what_is_missing(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(run / "data", tmp_path / "data")
    missing = tmp_path / "data/backdrops/0000000.npz"
    missing.unlink()
    data.main(["--out", str(tmp_path), *SMOKE, "--workers", "1", "--minutes", "0"])
    assert not missing.exists()
    assert "1 are left" in capsys.readouterr().out
    data.main(["--out", str(tmp_path), *SMOKE, "--workers", "1"])
    with np.load(missing) as again, np.load(run / "data/backdrops/0000000.npz") as before:
        np.testing.assert_array_equal(again["image"], before["image"])


def test_another_photo_is_of_the_same_person(run: Path):
    photos = PhotoSet(run / "data/people-train", torch.device("cpu"))
    rows = torch.arange(len(photos)).repeat(20)
    others = photos.others(rows)
    assert torch.equal(photos.owner[rows], photos.owner[others])
    assert not torch.any(rows == others)


# Crops


def test_alignment_is_that_of_insightface():
    golden = load_file(GOLDEN / "faces/align.safetensors")
    description = json.loads((GOLDEN / "faces/align.json").read_text())
    for case in description["cases"]:
        found = crops.estimate_alignment(golden[case["tensors"]["landmarks"]].double())
        wanted = golden[case["tensors"]["M112_f64"]]
        # Both are in float64; the values go up to about 1000. Upstream's template is float32, as ours is.
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6 * 1000)


def test_a_crop_puts_the_keypoints_where_arcface_wants_them():
    keypoints = torch.tensor([[[40.0, 50.0], [70.0, 52.0], [55.0, 68.0], [44.0, 84.0], [68.0, 85.0]]])
    spot = keypoints[0, 2].int().tolist()
    photo = torch.zeros(1, 3, 128, 128)
    photo[:, :, spot[1], spot[0]] = 255
    alignment = crops.estimate_alignment(keypoints)
    cropped = crops.crop(photo, alignment)[0, 0]
    y, x = divmod(int(cropped.argmax()), crops.CROP)
    expected = (alignment[0, :, :2] @ keypoints[0, 2] + alignment[0, :, 2]).tolist()
    # To the nearest pixel.
    assert abs(x - expected[0]) <= 0.75 and abs(y - expected[1]) <= 0.75


# Networks


@pytest.mark.parametrize("case", ["prompt", "empty", "id_one", "id_three"])
def test_the_text_encoder_is_that_of_transformers(case: str):
    folder = GOLDEN / "tiny-sd/encoder"
    encoder = TextEncoder(json.loads((folder / "config.json").read_text()))
    weights = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
    weights.pop("text_model.embeddings.position_ids")
    encoder.load_state_dict(weights)
    golden = load_file(GOLDEN / "nets/encoder.safetensors")
    description = next(c for c in json.loads((GOLDEN / "nets/encoder.json").read_text())["cases"] if c["name"] == case)
    tensors = description["tensors"]
    identity = golden[tensors["face_embs"]] if "face_embs" in tensors else None
    ids = (
        golden[tensors["input_ids"]] if "input_ids" in tensors else golden["prompt/input_ids"].expand(len(identity), -1)
    )
    with torch.no_grad():
        found = encoder(ids, identity, 4)
    torch.testing.assert_close(found, golden[tensors["output"]], rtol=0, atol=description["accuracy"]["atol"])


def test_the_noise_schedule_is_that_of_stable_diffusion():
    scheduler = DDPMScheduler.from_config(SCHEDULER)
    torch.testing.assert_close(alphas_cumprod().float(), scheduler.alphas_cumprod, rtol=1e-5, atol=0)


def test_the_detector_has_the_interface_of_scrfd():
    network = ScrfdOutputs(Detector(SIZES["smoke"].detector)).eval()
    outputs = network(torch.zeros(1, 3, 64, 96))
    assert len(outputs) == len(OUTPUT_NAMES)
    counts = [2 * (64 // stride) * (96 // stride) for stride in (8, 16, 32)]
    assert [tuple(output.shape) for output in outputs] == [(count, values) for values in (1, 4, 10) for count in counts]
    centres, strides = anchors(64, 96)
    # Rows first, then columns, then the two anchors of a cell.
    assert centres[:5].tolist() == [[0, 0], [0, 0], [8, 0], [8, 0], [16, 0]]
    assert len(centres) == len(strides) == sum(counts)


@pytest.mark.parametrize("surest", range(4))
def test_every_scale_of_the_detector_sees_a_face_where_it_is_in_a_photo_of_half_the_size(
    surest: int, monkeypatch: pytest.MonkeyPatch
):
    network, side = Detector(SIZES["smoke"].detector).eval(), 160
    face = torch.tensor([50.0, 61.0, 83.0, 97.0])  # sides of the box
    point = torch.tensor([66.0, 80.0])

    def look(images: torch.Tensor) -> torch.Tensor:
        """What a perfect network would say of the face, in an image that was shrunk to this."""
        scale = side // images.shape[2]
        there = -(-images.shape[2] // STRIDE)
        centres = STRIDE * torch.stack(torch.meshgrid(torch.arange(there), torch.arange(there), indexing="xy"), 2)
        box, middle = (face + 0.5) / scale - 0.5, (point + 0.5) / scale - 0.5
        score = torch.full((there, there, 1), 5.0 if scale == 2**surest else -5.0)
        sides = torch.cat([centres - box[:2], box[2:] - centres], 2) / STRIDE
        points = ((middle - centres) / STRIDE).repeat(1, 1, 5)
        return torch.cat([score, sides, points], 2).repeat(1, 1, 2).permute(2, 0, 1)[None]

    monkeypatch.setattr(network, "look", look)
    scores, boxes, keypoints = (torch.cat(parts, 1)[0] for parts in zip(*network(torch.zeros(1, 3, side, side))))
    centres, strides = anchors(side, side)
    sure = scores[:, 0] > 0
    assert sure.sum() == 2 * (-(-side // 2**surest // STRIDE)) ** 2
    here, unit = centres[sure], strides[sure, None]
    found = torch.cat([here - boxes[sure, :2] * unit, here + boxes[sure, 2:] * unit], 1)
    # The photo was enlarged about the corner of its first pixel, and is got back to by a division.
    torch.testing.assert_close(found / 2, ((face + 0.5) / 2 - 0.5).expand_as(found), rtol=0, atol=1e-3)
    found = here + keypoints[sure, :2] * unit
    torch.testing.assert_close(found / 2, ((point + 0.5) / 2 - 0.5).expand_as(found), rtol=0, atol=1e-3)


def test_the_margin_makes_the_own_person_harder_to_find():
    torch.manual_seed(0)
    embeddings = torch.randn(16, 512)
    embeddings[8:] += 0.3 * embeddings[:8]
    easy, hard = (recognition.margin_loss(embeddings, margin).item() for margin in (0.0, 0.3))
    unit = torch.nn.functional.normalize(embeddings)
    rest = (unit @ unit.T)[~torch.eye(16, dtype=torch.bool)].view(16, 15)
    # Without the row itself, the partner of the first eight is one place further on.
    partner = torch.cat([torch.arange(7, 15), torch.arange(8)])
    assert easy == pytest.approx(torch.nn.functional.cross_entropy(16 * rest, partner).item(), rel=1e-4)
    assert hard > easy


# Keypoints


def test_what_is_hidden_of_a_face_is_known_to_be_gone(run: Path):
    torch.manual_seed(0)
    photos = PhotoSet(run / "data/people-heldout", torch.device("cpu"))
    rows = torch.arange(len(photos)).repeat(8)
    square = square_around(photos.keypoints[rows])
    squares, points = cut(photos.clean(rows), *square, 64), within(photos.keypoints[rows], *square)
    hidden, there = keypoints.hide(squares, points)
    assert 0.4 < there.float().mean() < 0.6
    assert torch.equal(there[:, 3], there[:, 4])  # a mouth is whole or gone
    axis = (torch.arange(64) + 0.5) / 64
    for k in range(5):
        near = ((axis - points[:, k, :1]).abs() < 0.04)[:, None] & ((axis - points[:, k, 1:]).abs() < 0.04)[:, :, None]
        # Others may be hidden nearby, but where nothing is, nothing changes.
        nothing = there.all(1)
        change = ((hidden - squares).abs().mean(1) * near).sum((1, 2)) / near.sum((1, 2))
        assert torch.all(change[nothing] < 1e-3) and torch.all(change[~there[:, k]] > 0.1)


def test_a_point_is_one_cell_of_all_or_nowhere():
    points = torch.tensor([[[8.5 / GRID, 24 / GRID]] * 5])
    there = torch.tensor([[True, False, True, True, True]])
    scores = torch.full((1, 5, GRID, GRID), -20.0)
    # In the middle of a column of cells, between two rows.
    scores[:, [0, 2, 3, 4], 23:25, 8] = 20.0
    assert keypoints.keypoint_loss(scores, points, there).item() == pytest.approx(math.log(2) * 4 / 5, abs=1e-3)
    assert keypoints.keypoint_loss(-scores, points, there).item() > 10

    class Known(torch.nn.Module):
        def forward(self, squares: torch.Tensor) -> torch.Tensor:
            return scores

    found = Points(Known())(torch.zeros(1, 3, 64, 64))
    torch.testing.assert_close(found[0, 0], torch.tensor([8.5 / GRID, 24 / GRID, 1.0]), rtol=0, atol=1e-4)
    assert found[0, 1, 2] < 1e-3


def test_a_blurred_face_is_less_sharp_by_the_measure_of_the_benchmark(run: Path):
    photos = PhotoSet(run / "data/people-heldout", torch.device("cpu"))
    rows, points = torch.arange(len(photos)), photos.keypoints.numpy()

    def energy(deviation: float) -> float:
        images = keypoints.blurred(photos.clean(rows), torch.full((len(photos),), deviation))
        return looks.sharpness(images.byte().permute(0, 2, 3, 1).numpy(), points).mean()

    assert energy(2) < 0.2 * energy(0)
    dot = np.zeros((1, 64, 64, 3), np.uint8)
    dot[0, 34, 32] = 100
    face = np.array([[[20, 24], [44, 24], [32, 34], [24, 44], [40, 44]]], float)
    # As in test/unit/portrait-looks.test.ts.
    assert looks.sharpness(dot, face)[0] == pytest.approx(100**2 * 20 / 57**2)


def test_the_frechet_distance_is_that_of_means_and_covariances():
    def cloud(*axes: tuple[float, float]) -> np.ndarray:
        """Points of mean 0 whose covariance is the sum of the axes' outer products."""
        return np.array([sign * np.sqrt(1.5) * np.array(axis) for axis in axes for sign in (1, -1)])

    a, b = cloud((2, 0), (0, 1)), cloud((1, 1), (0, 1))
    assert looks.frechet_distance(a, b + [3, 0]) == pytest.approx(9 + 5 + 3 - 2 * math.sqrt(6 + 2 * 2))
    assert looks.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


# Detection


@pytest.fixture(scope="module")
def composer(run: Path) -> composition.Composer:
    folder, cpu = run / "data", torch.device("cpu")
    photos, scenes = PhotoSet(folder / "people-train", cpu), SceneSet(folder / "scenes-train", cpu)
    return composition.Composer(photos, scenes, load_backdrops(folder / "backdrops", cpu))


def one_scale(side: int) -> torch.Tensor:
    return cells(side, side, STRIDE)


def test_every_face_of_a_scene_has_an_anchor_that_is_to_find_it(composer: composition.Composer):
    torch.manual_seed(3)
    total = 0
    for side in (160, 320):
        images, faces = composer.draw(24, side)
        assert images.shape == (24, 3, side, side) and 0 <= images.min() and images.max() <= 255
        assigned = detector.assign(faces, one_scale(side))
        for n in range(24):
            for k in torch.nonzero(faces.valid[n])[:, 0].tolist():
                assert torch.any(assigned[n] == k), f"face {faces.boxes[n, k].tolist()} in a scene of {side}"
                total += 1
    assert total > 20
    assert not torch.any(faces.valid & faces.ignored)


def test_a_mirrored_face_keeps_its_left_eye_on_the_left(composer: composition.Composer):
    torch.manual_seed(5)
    _, faces = composer.draw(40, 160)
    points = faces.keypoints[faces.valid]
    boxes = faces.boxes[faces.valid]
    # Roll is at most 15°, so the left eye is left of the right one in every face, mirrored or not.
    assert torch.all(points[:, 0, 0] < points[:, 1, 0])
    middle = points.mean(1)
    assert torch.all((middle > boxes[:, :2]) & (middle < boxes[:, 2:]))


def test_perfect_predictions_have_no_loss(composer: composition.Composer):
    torch.manual_seed(7)
    side = 160
    _, faces = composer.draw(8, side)
    centres = one_scale(side)
    face = detector.assign(faces, centres)
    index = face.clamp(min=0)
    boxes = torch.gather(faces.boxes, 1, index[..., None].expand(-1, -1, 4))
    points = torch.gather(faces.keypoints.flatten(2), 1, index[..., None].expand(-1, -1, 10)).unflatten(2, (5, 2))
    distances = torch.cat([centres - boxes[..., :2], boxes[..., 2:] - centres], 2) / STRIDE
    offsets = ((points - centres[None, :, None]) / STRIDE).flatten(2)
    logits = torch.where(face >= 0, 20.0, -20.0)[..., None]
    rows = torch.cat([logits, distances, offsets], 2)
    seen = rows.unflatten(1, (side // STRIDE, side // STRIDE, 2)).permute(0, 3, 4, 1, 2).flatten(1, 2)
    losses = detector.detection_loss(seen, faces)
    assert all(value.item() == pytest.approx(0, abs=1e-4) for value in losses.values())


def test_average_precision_counts_what_is_missed_and_what_is_invented():
    truths = [np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32), np.zeros((0, 4), np.float32)]
    nothing = (np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    perfect = (truths[0], np.array([0.9, 0.8], np.float32))
    invented = (np.array([[0, 0, 5, 5]], np.float32), np.array([0.95], np.float32))
    assert evaluate.average_precision(truths, [perfect, nothing]) == 1
    assert evaluate.average_precision(truths, [nothing, nothing]) == 0
    assert evaluate.average_precision(truths, [(truths[0][:1], np.array([0.9])), nothing]) == 0.5
    # The most certain box is wrong: precision is at best 2/3.
    assert evaluate.average_precision(truths, [perfect, invented]) == pytest.approx(2 / 3)
    # Finding one face twice is inventing one.
    twice = (truths[0][[0, 0, 1]], np.array([0.9, 0.8, 0.7]))
    assert evaluate.average_precision(truths, [twice, nothing]) == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_verification_accuracy_is_measured_on_pairs_that_did_not_choose_the_threshold():
    rng = np.random.default_rng(0)
    same = np.arange(2000) % 2 == 0
    assert evaluate.verification_accuracy(np.where(same, 0.8, 0.1) + 0.01 * rng.random(2000), same) == 1
    assert evaluate.verification_accuracy(rng.random(2000), same) == pytest.approx(0.5, abs=0.05)


# The whole recipe


def test_the_exported_bundle_loads_in_diffusers_without_a_missing_weight(bundle: Path):
    for folder, model in (("arc2face", UNet2DConditionModel), ("vae", AutoencoderKL)):
        _, report = model.from_pretrained(bundle / folder, output_loading_info=True, low_cpu_mem_usage=False)
        assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    assert all(value.dtype == torch.float16 for value in load_file(bundle / "encoder/model.safetensors").values())
    assert json.loads((bundle / "vae/config.json").read_text())["scaling_factor"] > 0
    assert json.loads((bundle / "tokens.json").read_text()) == TOKENS


def test_the_onnx_files_say_what_the_networks_say(run: Path, bundle: Path):
    torch.manual_seed(0)
    workspace, size = Workspace(run), SIZES["smoke"]
    network = ScrfdOutputs(workspace.load_result("detector", "network", Detector(size.detector)))
    session = onnxruntime.InferenceSession(bundle / export.DETECTOR, providers=["CPUExecutionProvider"])
    assert tuple(output.name for output in session.get_outputs()) == OUTPUT_NAMES
    for height, width in ((640, 640), (96, 160)):
        image = torch.rand(1, 3, height, width) * 2 - 1
        for found, wanted in zip(session.run(None, {"input.1": image.numpy()}), network(image)):
            # The exporter merges norms into convolutions, whose weights are then rounded to 11 bits once more, layer by layer.
            scale = wanted.abs().max().item()
            np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=0, atol=0.01 * scale)
    for path in (bundle / export.RECOGNISER, run / "evaluation" / export.EVALUATOR):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for count in (1, 5):
            (embeddings,) = session.run(None, {"input.1": np.zeros((count, 3, 112, 112), np.float32)})
            assert embeddings.shape == (count, 512) and np.all(np.isfinite(embeddings))
    reader = Points(workspace.load_result("keypoints", "network", KeypointReader(size.keypoints)))
    session = onnxruntime.InferenceSession(run / "evaluation" / export.KEYPOINTS, providers=["CPUExecutionProvider"])
    squares = 2 * torch.rand(3, 3, 64, 64) - 1
    (found,) = session.run(None, {"squares": squares.numpy()})
    np.testing.assert_allclose(found, reader(squares).detach().numpy(), rtol=0, atol=0.01)


def test_a_run_that_takes_networks_over_renders_no_scenes_to_train_on(bundle: Path, tmp_path: Path):
    data.main(["--out", str(tmp_path), *SMOKE, "--workers", "1", "--no-training-scenes"])
    rendered = {folder.name for folder in (tmp_path / "data").iterdir()}
    people = {"people-heldout", "people-train", "poses-train", "references-train"}
    assert rendered == {*people, "scenes-heldout", "backdrops"}


def test_networks_taken_over_from_a_bundle_say_what_they_said(run: Path, bundle: Path, tmp_path: Path):
    torch.manual_seed(0)
    adopt.main(["--out", str(tmp_path), *SMOKE, "--bundle", str(bundle), "--evaluation", str(run / "evaluation")])
    workspace, size = Workspace(tmp_path), SIZES["smoke"]
    detecting = ScrfdOutputs(workspace.load_result("detector", "network", Detector(size.detector)))
    embedding = workspace.load_result("embedder", "network", Embedder(size.embedder))
    judging = workspace.load_result("evaluator", "network", Evaluator(size.evaluator))
    reading = Points(workspace.load_result("keypoints", "network", KeypointReader(size.keypoints)))
    for network, path, side in (
        (detecting, bundle / export.DETECTOR, 96),
        (embedding, bundle / export.RECOGNISER, 112),
        (judging, run / "evaluation" / export.EVALUATOR, 112),
        (reading, run / "evaluation" / export.KEYPOINTS, 64),
    ):
        image = 2 * torch.rand(1, 3, side, side) - 1
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        outputs = network(image)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        for found, wanted in zip(
            outputs, session.run(None, {session.get_inputs()[0].name: image.numpy()}), strict=True
        ):
            # A result holds what a norm added in float16, and so is a little off.
            np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=0, atol=2e-3 * np.abs(wanted).max())


def test_a_painter_taken_over_from_a_bundle_is_exported_as_it_was(run: Path, bundle: Path, tmp_path: Path):
    of = ["--bundle", str(bundle), "--evaluation", str(run / "evaluation")]
    adopt.main(["--out", str(tmp_path), *SMOKE, *of, "--painting"])
    export.main(["--out", str(tmp_path), *SMOKE])
    files = [*bundle.rglob("*.safetensors"), *bundle.rglob("*.json"), *bundle.rglob("*.bin")]
    assert len(files) >= 15
    for file in files:
        again = tmp_path / "bundle" / file.relative_to(bundle)
        if file.suffix == ".safetensors":
            found, wanted = load_file(again), load_file(file)
            assert found.keys() == wanted.keys()
            assert all(torch.equal(found[name], wanted[name]) for name in wanted), file
        elif file.suffix == ".json":
            assert again.read_text() == file.read_text(), file
        else:
            found, wanted = (torch.load(path, weights_only=True) for path in (again, file))
            assert found.keys() == wanted.keys()
            assert all(torch.equal(found[part][name], w) for part in wanted for name, w in wanted[part].items())


def test_a_painter_taken_over_is_trained_on_with_its_own_latents(run: Path, bundle: Path, tmp_path: Path):
    of = ["--bundle", str(bundle), "--evaluation", str(run / "evaluation")]
    adopt.main(["--out", str(tmp_path), *SMOKE, *of, "--painting"])
    shutil.copytree(run / "data", tmp_path / "data")
    common = [*SMOKE, "--device", "cpu"]
    before = Examples(read_options("diffusion", None, ["--out", str(run), *common])).scaling_factor
    trained_on = tmp_path / "data/people-train"
    trained_on.rename(tmp_path / "aside")
    shutil.copytree(run / "data/people-heldout", trained_on)  # other photos, whose latents have another deviation
    after = Examples(read_options("diffusion", None, ["--out", str(tmp_path), *common])).scaling_factor
    assert after == pytest.approx(before, rel=1e-6)
    shutil.rmtree(trained_on)
    (tmp_path / "aside").rename(trained_on)
    minutes = SIZES["smoke"].minutes["controlnet"]
    controlnet.main(["--out", str(tmp_path), *common, "--minutes", str(minutes + 0.02)])
    assert Workspace(tmp_path).read_history("controlnet", "network")["elapsed"] > 60 * minutes


def test_grain_is_how_much_fine_detail_there_is_wherever_it_lies():
    torch.manual_seed(0)
    detailed = torch.randn(1, 3, 64, 64)
    # Patches of eight pixels that lie four apart: a move by four is one by a patch.
    moved = torch.roll(detailed, (4, 8), (2, 3))
    torch.testing.assert_close(retouch.grain(moved)[:, :, 3:-2, 3:-2], retouch.grain(detailed)[:, :, 2:-3, 1:-4])
    soft = torch.nn.functional.avg_pool2d(detailed, 3, 1, 1)
    assert retouch.grain(soft).mean() < 0.6 * retouch.grain(detailed).mean()
    assert retouch.grain(torch.ones(1, 3, 64, 64)).abs().max() < 1e-6


def test_one_identity_in_five_is_a_strange_one(run: Path, bundle: Path):
    examples = Examples(read_options("diffusion", None, ["--out", str(run), *SMOKE, "--device", "cpu"]))
    photos = examples.photos
    # Nobody whom the embedder has met: theirs are all blurred.
    rows = torch.nonzero(photos.seeds[photos.owner] % 4 == 3)[:, 0].repeat(100)
    torch.manual_seed(0)
    found = examples.identity(rows)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(len(rows)))
    same = photos.owner[rows][:, None] == photos.owner[None]
    nearest = torch.where(same, found @ examples.identities.T, -1).amax(1)
    # Of about 600.
    assert 0.15 < (nearest < 1 - 1e-5).float().mean() < 0.25


class _Spoiled(torch.nn.Module):
    """An autoencoder whose latents are the photo, spoiled by `spoil`."""

    def __init__(self, spoil: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self._spoil = spoil

    def encode(self, images: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=images))

    def decode(self, latents: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=self._spoil(latents))


def test_an_autoencoder_that_loses_the_eyes_is_found_out(run: Path):
    photos = PhotoSet(run / "data/people-heldout", torch.device("cpu"))
    # Half of the grey that is away from it: no clipping, and an error that is known.
    good = autoencoding.Autoencoding(_Spoiled(lambda x: x - 0.1 * x.sign()), photos)
    assert good.psnr() == pytest.approx(20 * math.log10(255 / 12.75), abs=0.3)
    assert good.eyes() > 0.9
    blurred = autoencoding.Autoencoding(_Spoiled(lambda x: torch.nn.functional.avg_pool2d(x, 15, 1, 7)), photos)
    assert blurred.eyes() < 0.5 and blurred.psnr() < good.psnr()


@pytest.mark.parametrize("faster", [True, False])
def test_the_faster_arithmetic_is_chosen(faster: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    clock = 0.0

    def step() -> None:
        nonlocal clock
        clock += 1 if precision.half == faster else 2

    monkeypatch.setattr(time, "process_time", lambda: clock)
    precision = Precision(torch.device("cpu"))
    precision.choose(step)
    assert precision.half == faster


def test_the_detector_of_the_bundle_can_say_that_there_is_no_face(bundle: Path):
    faces = FaceDetector(bundle / export.DETECTOR)(np.zeros((48, 64, 3), np.uint8), threshold=1.0)
    assert faces.largest() is None


def test_the_evaluation_measures_everything(run: Path, bundle: Path):
    measured = json.loads((run / "evaluation.json").read_text())
    assert len(measured) == 60
    assert (run / "sheet.png").exists() and (run / "adapters.png").exists()
    # A few steps make no good networks, and the table has to say so.
    assert not measured["embedder: verification accuracy, 3000 pairs"]["met"]


def test_a_stage_goes_on_where_it_stood_and_knows_when_it_is_complete(run: Path, tmp_path: Path):
    shutil.copytree(run / "data", tmp_path / "data")
    workspace = Workspace(tmp_path)

    def train(minutes: float) -> dict:
        embedder.main(["--out", str(tmp_path), *SMOKE, "--device", "cpu", "--minutes", str(minutes)])
        return workspace.read_history("embedder", "network")

    first = train(0.005)
    assert first["steps"] >= 1 and first["elapsed"] >= 0.3
    assert train(0.005) == first  # complete
    second = train(0.02)
    assert second["steps"] > first["steps"] and second["elapsed"] >= 1.2
    # Elsewhere there is no checkpoint, only the small result.
    shutil.rmtree(tmp_path / "checkpoints")
    third = train(0.03)
    assert third["steps"] > second["steps"] and math.isfinite(third["log"][-1]["loss"])


def test_a_diffusion_refuses_another_autoencoder_than_its_own(run: Path, bundle: Path, tmp_path: Path):
    shutil.copytree(run, tmp_path / "run")
    others = ["--out", str(tmp_path / "run"), *SMOKE, "--device", "cpu", "--minutes"]
    vae.main([*others, "0.04"])
    with pytest.raises(SystemExit, match="vae and embedder"):
        diffusion.main([*others, "0.04"])


def test_a_stage_without_its_input_names_the_command_that_makes_it(tmp_path: Path):
    with pytest.raises(SystemExit, match=r"train\.data"):
        detector.main(["--out", str(tmp_path), *SMOKE, "--device", "cpu"])


def test_fixtures_are_small_and_described(tmp_path: Path):
    fixtures.main([str(tmp_path), "--people", "2", "--no-scenes"])
    truth = json.loads((tmp_path / "faces.json").read_text())
    assert [len(person["photos"]) for person in truth["people"]] == [3, 3]
    for person in truth["people"]:
        for photo in person["photos"]:
            assert (tmp_path / photo["file"]).stat().st_size < 30_000
            box = photo["box"]
            assert 0 <= box["x"] and box["x"] + box["width"] <= 160 and len(photo["keypoints"]) == 5


def test_the_package_paints_with_the_exported_bundle(bundle: Path):
    """Needs the package's build, `npm run build` in the repository."""
    library = REPOSITORY / "dist/lib/index.js"
    if shutil.which("node") is None or not library.exists():
        pytest.skip(f"node or {library} is missing: build the package first")
    script = f"""
        import {{ Arc2Face }} from {json.dumps(library.as_uri())};
        const model = await Arc2Face.load({{ bundle: process.argv[1], device: 'cpu' }});
        const identity = new Float32Array(512).fill(1 / Math.sqrt(512));
        const [image] = await model.generate(identity, {{ steps: 2, seed: 1 }});
        const faces = await model.detect({{ data: image.data, width: image.width, height: image.height, channels: 3 }});
        console.log(JSON.stringify({{ width: image.width, height: image.height, canEncode: model.info.canEncode, found: faces.length }}));
        await model.dispose();
    """
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script, str(bundle)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["width"], said["height"], said["canEncode"]) == (96, 96, True)

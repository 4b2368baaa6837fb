"""The adapters' networks against diffusers' own and against their formulas, with random weights: run `pytest test_adapters.py`."""

import copy
import json
import re

import numpy as np
import pytest
import torch
from diffusers import LCMScheduler, UNet2DConditionModel
from diffusers.loaders.lora_conversion_utils import _convert_non_diffusers_lora_to_diffusers

from render import BLENDSHAPES, Conditions, Person, neutral_conditions, sample_identity
from render.neutral_head import NeutralHead
from train import expressions, lcm
from train.networks.expression_adapter import ExpressionAdapter
from train.networks.lora import Lora
from train.networks.painter import SCHEDULER, make_unet
from train.networks.reference_bank import ReferenceBank
from train.networks.text_encoder import HIDDEN
from train.sizes import SIZES

SIZE = 96


@pytest.fixture(autouse=True)
def settled():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with torch.no_grad():
        yield


@pytest.fixture
def unet() -> UNet2DConditionModel:
    return make_unet(SIZES["smoke"].diffusion, SIZE).eval()


@pytest.fixture
def asked() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noisy latents, timesteps and conditioning of four portraits."""
    return torch.randn(4, 4, SIZE // 4, SIZE // 4), torch.tensor([10, 300, 600, 999]), torch.randn(4, 16, HIDDEN)


def shuffle(network: torch.nn.Module) -> None:
    """Random weights everywhere: some layers add nothing at first."""
    for parameter in network.parameters():
        parameter.copy_(0.2 * torch.randn_like(parameter))


# Low-rank additions


def test_a_lora_is_a_change_of_the_weights(unet, asked):
    fused = copy.deepcopy(unet)
    plain = unet(*asked).sample
    lora = Lora(unet, 3)
    assert torch.equal(unet(*asked).sample, plain)  # nothing at first
    shuffle(lora)
    for addition in lora.children():
        addition.alpha.fill_(1.5)
    assert len(lora.paths) > 10
    for name, path in lora.paths.items():
        addition = lora.get_submodule(name)
        change = 1.5 / 3 * addition.lora_up.weight.flatten(1) @ addition.lora_down.weight.flatten(1)
        layer = fused.get_submodule(path)
        layer.weight += change.view_as(layer.weight)
    found = unet(*asked).sample
    assert (found - plain).abs().max() > 0.01
    torch.testing.assert_close(found, fused(*asked).sample, rtol=1e-4, atol=1e-4)
    lora.on = False
    assert torch.equal(unet(*asked).sample, plain)


def test_diffusers_knows_every_name_of_the_lora(unet):
    lora = Lora(unet, 2)
    converted, alphas = _convert_non_diffusers_lora_to_diffusers(dict(lora.state_dict()))
    # It also turns them into the older names of attention processors.
    older = [re.sub(r"\.processor\.(to_[qkv]|to_out)_lora", r".\1.lora", name) for name in converted]
    named = {name.rsplit(".lora", 1)[0].removeprefix("unet.") for name in older}
    known = {name + ".0" if name.endswith("to_out") else name for name in named}
    assert known == set(lora.paths.values()) and len(alphas) == len(known)


# Expressions


def test_the_expression_adapter_is_that_of_diffusers(unet, asked):
    theirs = copy.deepcopy(unet)
    plain = unet(*asked).sample
    adapter = ExpressionAdapter(unet)
    numbers = torch.randn(4, 55)
    adapter.show(numbers)
    torch.testing.assert_close(unet(*asked).sample, plain, rtol=1e-4, atol=1e-5)  # nothing at first
    shuffle(adapter)
    adapter.show(numbers)
    state = adapter.state_dict()
    parts = {
        part: {name.removeprefix(f"{part}."): value for name, value in state.items() if name.startswith(part)}
        for part in ("image_proj", "ip_adapter")
    }
    theirs._load_ip_adapter_weights([parts])
    found, wanted = unet(*asked).sample, theirs(*asked, added_cond_kwargs={"image_embeds": [numbers[:, None]]}).sample
    assert (found - plain).abs().max() > 0.01
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_every_blendshape_has_a_place_of_its_own_and_every_name_an_expression():
    assert len(set(expressions.PLACES)) == len(BLENDSHAPES) and max(expressions.PLACES) < 55
    named = expressions.as_json()
    assert "smile" in named and all(len(numbers) == 55 for numbers in named.values())
    assert len({json.dumps(numbers) for numbers in named.values()}) == len(named)
    # What is weak is asked for more strongly.
    assert expressions._ASKED.keys() <= expressions.NAMED.keys()
    numbers = expressions.as_numbers(expressions.NAMED["smile"])
    np.testing.assert_allclose(named["smile"], 1.5 * numbers, atol=1e-3)
    blink = expressions.as_numbers(np.eye(len(BLENDSHAPES), dtype=np.float32)[BLENDSHAPES.index("blink_left")])
    assert blink[50] == 1 and blink.sum() == 1


# References


def test_readers_see_the_reference_and_the_others_do_not(unet, asked):
    plain = unet(*asked).sample
    bank = ReferenceBank(unet)
    torch.testing.assert_close(unet(*asked).sample, plain, rtol=1e-4, atol=1e-5)
    bank.write()
    unet(torch.randn(4, 4, SIZE // 4, SIZE // 4), 0, asked[2])
    bank.read(torch.tensor([False, True, False, True]))
    change = (unet(*asked).sample - plain).abs().amax((1, 2, 3))
    assert torch.all(change[[0, 2]] < 1e-5) and torch.all(change[[1, 3]] > 1e-3)


def test_a_photo_that_is_its_own_reference_changes_nothing(unet, asked):
    """Every key twice, with the same values: the shares of attention halve, and their sums stay."""
    plain = unet(*asked).sample
    bank = ReferenceBank(unet)
    bank.write()
    unet(*asked)
    bank.read(torch.ones(4, dtype=torch.bool))
    torch.testing.assert_close(unet(*asked).sample, plain, rtol=1e-4, atol=1e-5)


# Few steps


def test_a_consistent_guess_is_that_of_the_scheduler():
    scheduler = LCMScheduler.from_config(SCHEDULER)
    scheduler.set_timesteps(4)
    for t in (19, 259, 999):
        wanted = scheduler.get_scalings_for_boundary_condition_discrete(t)
        found = [value.item() for value in lcm.boundary(torch.tensor([t]))]
        assert found == pytest.approx([float(value) for value in wanted], rel=1e-5)


# Poses


@pytest.mark.parametrize("pose", [(35, 0, 0), (-35, 0, 0), (0, 18, 0), (0, -18, 0), (0, 0, 14), (20, -10, -10)])
def test_the_head_of_nobody_turns_as_people_do(pose: tuple[float, float, float]):
    head = NeutralHead()
    person = Person(sample_identity(1)._replace(hair_style=0.06, beard_style=0.0, stubble=0.0))

    def posed(yaw: float, pitch: float, roll: float) -> Conditions:
        return neutral_conditions()._replace(yaw=yaw, pitch=pitch, roll=roll)

    photo = person.photograph(posed(*pose), SIZE)
    x0, y0, x1, y1 = photo.box.round().astype(int)

    def difference(shown: np.ndarray) -> float:
        """Mean over the face."""
        return np.abs(shown.astype(float) - photo.normals)[y0:y1, x0:x1].mean()

    found = difference(head.normals(posed(*pose), SIZE))
    # Another person's face; but turned otherwise it is much further off.
    others = [posed(0, 0, 0), *(posed(*(-a if k == j else a for j, a in enumerate(pose))) for k in range(3) if pose[k])]
    assert all(found < 0.75 * difference(head.normals(other, SIZE)) for other in others)


def test_the_head_of_nobody_is_closed_but_for_its_neck():
    head = NeutralHead()
    edges = np.sort(head.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
    ends, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 2
    # What is open is the crown's first row and the neck's last.
    heights = head.positions[ends[counts == 1].ravel(), 1]
    assert np.all((heights > head.positions[:, 1].max() - 0.1) | (heights < -1))

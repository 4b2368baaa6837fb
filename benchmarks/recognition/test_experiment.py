"""The experiment end to end, on settings of seconds: it says nothing about how good a recogniser gets."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import recipe
import torch
from dataset import HELD_OUT
from train.data import FIXTURES
from train.sizes import SIZES as RECIPE_SIZES

import renders
import run
import training
from conftest import write_people
from folders import list_people, made_equal, read_faces
from images import ImageError, decode, encode
from judging import embed_all, judge, of_file, of_network
from training import SIZES, Drawing, new_network, train
from verification_file import read_pairs

CPU = torch.device("cpu")


# Folders


def test_people_are_read_in_order_and_singles_left_out(tmp_path: Path):
    written = write_people(tmp_path, [3, 1, 2], seed=0)
    (tmp_path / "table.csv").write_text("a file beside the people")
    (tmp_path / "000002" / "notes.txt").write_text("a file beside the crops")
    faces = read_faces(list_people(tmp_path))
    assert faces.counts.tolist() == [3, 2]
    expected = [decode(data, "") for data in [*written[0], *written[2]]]
    assert np.array_equal(faces.images.numpy(), np.stack(expected))


def test_the_digest_changes_with_any_image(tmp_path: Path):
    write_people(tmp_path, [2, 2], seed=0)
    before = read_faces(list_people(tmp_path)).digest
    assert read_faces(list_people(tmp_path)).digest == before
    path = tmp_path / "000001" / "0001.jpg"
    data = bytearray(path.read_bytes())
    data[-10] ^= 1  # as long as before
    path.write_bytes(data)
    assert read_faces(list_people(tmp_path)).digest != before


def test_sets_are_made_equal(tmp_path: Path):
    for name, counts in (("many", [5, 2, 4, 3]), ("few", [3, 4, 4])):
        write_people(tmp_path / name, counts, seed=1)
    many, few = made_equal([list_people(tmp_path / "many"), list_people(tmp_path / "few")])
    assert [len(files) for files in many] == [len(files) for files in few] == [3, 2, 4]


def test_folders_without_people_are_told(tmp_path: Path):
    with pytest.raises(ValueError, match="has 0"):
        list_people(tmp_path)
    with pytest.raises(ValueError, match="is none"):
        list_people(tmp_path / "missing")


@pytest.mark.parametrize("damage", ["cut", "text", "large"])
def test_what_is_no_crop_is_told_by_its_name(tmp_path: Path, damage: str):
    written = write_people(tmp_path, [2, 2], seed=2)
    large = encode(np.zeros((224, 112, 3), np.uint8))
    bad = {"cut": written[0][0][:700], "text": b"no image", "large": large}[damage]
    (tmp_path / "000001" / "0001.jpg").write_bytes(bad)
    with pytest.raises(ImageError, match=r"0001\.jpg"):
        read_faces(list_people(tmp_path))


# Training


def test_a_step_sees_two_images_of_each_of_different_people():
    torch.manual_seed(0)
    counts = torch.tensor([2, 5, 3, 7, 2])
    owner = torch.arange(5).repeat_interleave(counts)
    drawing, seen = Drawing(counts, 4), set()
    for _ in range(200):
        one, two = drawing.draw().chunk(2)
        assert torch.equal(owner[one], owner[two]) and len(set(owner[one].tolist())) == 4
        assert (one != two).all()
        seen |= set(one.tolist()) | set(two.tolist())
    assert seen == set(range(int(counts.sum())))


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten().float() for value in network.state_dict().values()])


def test_a_training_is_its_seed(tmp_path: Path):
    write_people(tmp_path, [3, 2, 3, 2, 4], seed=3)
    faces = read_faces(list_people(tmp_path))
    first, again, other = (weights(train(SIZES["smoke"], faces, seed, CPU, "test")) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, weights(new_network(SIZES["smoke"], 5)))


def test_a_training_learns_to_tell_people_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """How much more alike images of one person are than those of two; against a training that only counts means and deviations."""
    write_people(tmp_path, [4] * 6, seed=4)
    faces = read_faces(list_people(tmp_path))
    same = np.kron(np.eye(6), np.ones((4, 4))) - np.eye(24) > 0
    other = np.kron(1 - np.eye(6), np.ones((4, 4))) > 0

    def apart(network: torch.nn.Module) -> float:
        embeddings = embed_all(of_network(network, CPU), faces.images.numpy())
        cosines = embeddings @ embeddings.T
        return cosines[same].mean() - cosines[other].mean()

    size = replace(SIZES["smoke"], steps=60)
    learnt = apart(train(size, faces, 0, CPU, "learning"))
    monkeypatch.setattr(training, "_RATE", 0.0)
    assert learnt > apart(train(size, faces, 0, CPU, "standing still")) + 0.05


def test_every_size_has_a_network_of_faces():
    assert set(SIZES) == {"smoke", "mini", "full"}
    for size in SIZES.values():
        network = new_network(size, 0).eval()
        assert network(torch.zeros(1, 3, 112, 112)).shape == (1, 512)


# Verdicts


def test_a_recogniser_that_knows_is_right_and_one_that_does_not_is_not(verification: Path):
    pairs = read_pairs(verification)
    # The crops of a person have the same 7 × 7 blocks but for noise.
    knows = judge(lambda crops: torch.nn.functional.avg_pool2d(crops, 16).flatten(1), pairs)
    assert set(knows.true_accepts.values()) == {1.0}
    assert knows.accuracy >= 0.9  # a threshold just above what is seen in nine folds may miss a pair of the tenth
    # All is alike, so all pairs are accepted or refused together, and half are wrong.
    ignorant = judge(lambda crops: torch.ones(len(crops), 4), pairs)
    assert ignorant.accuracy == 0.5 and set(ignorant.true_accepts.values()) == {0.0}


def test_an_image_in_several_pairs_is_embedded_once(verification: Path):
    pairs, embedded = read_pairs(verification), []

    def recogniser(crops: torch.Tensor) -> torch.Tensor:
        embedded.append(len(crops))
        return crops.flatten(1)

    judge(recogniser, pairs)
    assert len(pairs.images) == 40 and sum(embedded) == 20


# Renders


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rendered")
    renders.main(
        f"{out} --people 2 --photos 2 --held-out-people 20 --held-out-photos 2 --size 48 --processes 1".split()
    )
    return out


def test_people_are_neither_the_recipes_nor_held_out():
    trained = max(max(size.data.identities, size.data.references) for size in RECIPE_SIZES.values())
    assert trained < renders.TRAINED and renders.TRAINED + 100_000 <= HELD_OUT
    assert FIXTURES + 100_000 < renders.HELD_OUT


def test_pairs_are_of_the_folds_own_people_and_half_of_one_person():
    pairs, same = renders.pair_up(40, 3)
    answers = np.array(same).reshape(10, -1)
    assert np.all(answers.sum(1) * 2 == answers.shape[1]) and answers.shape[1] == 2 * 4 * 3
    people = pairs // 3
    assert np.array_equal(people[:, 0] == people[:, 1], same)
    assert len({tuple(sorted(pair)) for pair in pairs.tolist()}) == len(pairs)
    in_folds = [set(fold.flatten().tolist()) for fold in people.reshape(10, -1)]
    assert all(one.isdisjoint(two) for one, two in itertools.combinations(in_folds, 2))
    assert set.union(*in_folds) == set(range(40))
    assert set(people[~np.array(same)].flatten().tolist()) == set(range(40))


def test_renders_are_a_data_set_its_embeddings_and_pairs(rendered: Path):
    faces = read_faces(list_people(rendered / "crops"))
    assert faces.counts.tolist() == [2, 2]
    embeddings = np.load(rendered / "embeddings.npy")
    assert embeddings.dtype == np.float32
    expected = embed_all(of_file(recipe.RECOGNISER), faces.images.numpy())
    np.testing.assert_allclose(embeddings, expected, rtol=0, atol=1e-5)  # float32, in batches of other sizes
    assert embeddings[0] @ embeddings[1] > embeddings[0] @ embeddings[2]
    pairs = read_pairs(rendered / "verification.bin")
    assert len(pairs.same) == 40 and pairs.same.sum() == 20
    assert pairs.images[0] == (rendered / "held-out/000000/0000.jpg").read_bytes()


def test_a_run_goes_on_and_makes_the_same(rendered: Path):
    person = rendered / "crops/000001"
    before = {path.name: path.read_bytes() for path in person.iterdir()}
    person.rename(rendered / "crops/000001.partial-1")
    left = (rendered / "crops/000000/0000.jpg").stat().st_mtime_ns
    settings = renders.Settings(people=2, photos=2, held_out_people=20, held_out_photos=2, size=48)
    renders.render_all(rendered, settings, 1)
    assert {path.name: path.read_bytes() for path in person.iterdir()} == before
    assert (rendered / "crops/000000/0000.jpg").stat().st_mtime_ns == left
    assert sorted(path.name for path in (rendered / "crops").iterdir()) == ["000000", "000001"]
    with pytest.raises(SystemExit, match="other"):
        renders.render_all(rendered, settings._replace(photos=3), 1)


# The whole


@pytest.fixture
def sets(tmp_path: Path) -> list[str]:
    write_people(tmp_path / "generated", [3] * 6, seed=10)
    write_people(tmp_path / "renders", [3] * 5, seed=11)
    return [f"--set=generated={tmp_path / 'generated'}", f"--set=renders={tmp_path / 'renders'}"]


def test_the_experiment_end_to_end(tmp_path: Path, sets: list[str], verification: Path, capsys: pytest.CaptureFixture):
    out = tmp_path / "out"
    arguments = [
        *sets,
        f"--verification={verification}",
        f"--out={out}",
        "--size=smoke",
        f"--beside={recipe.RECOGNISER}",
    ]
    run.main(arguments)
    table = json.loads((out / "table.json").read_text())
    assert table["people"] == 5 and table["images"] == 15
    assert {(each["trained_on"], each["seed"]) for each in table["runs"]} == {
        (name, seed) for name in ("generated", "renders", "untrained") for seed in (0, 1, 2)
    }
    rows = table["files"]["pairs.bin"]["rows"]
    assert list(rows) == ["generated", "renders", "untrained"]
    for row in rows.values():
        accuracies = list(row["accuracy"].values())
        assert len(accuracies) == 3
        assert row["spread"]["mean"] == pytest.approx(np.mean(accuracies))
        assert row["spread"]["deviation"] == pytest.approx(np.std(accuracies, ddof=1))
    assert table["files"]["pairs.bin"]["chance"] == 0.5
    text = (out / "table.md").read_text()
    assert "| generated |" in text and "| renders |" in text and "renders less generated" in text
    assert text.strip() in capsys.readouterr().out

    # A verdict is that of the network which the seed gives on the images that both sets have in number.
    listed = made_equal([list_people(tmp_path / name) for name in ("generated", "renders")])
    network = train(SIZES["smoke"], read_faces(listed[0]), 1, CPU, "again")
    verdict = judge(of_network(network, CPU), read_pairs(verification))
    assert rows["generated"]["accuracy"]["1"] == pytest.approx(verdict.accuracy)

    # The second call trains nothing and says the same.
    stamp = (out / "runs/generated-0.json").stat().st_mtime_ns
    run.main(arguments)
    assert (out / "runs/generated-0.json").stat().st_mtime_ns == stamp
    assert (out / "table.md").read_text() == text
    # Results of other images are not taken for these.
    (tmp_path / "renders/000000/0000.jpg").write_bytes((tmp_path / "renders/000001/0000.jpg").read_bytes())
    with pytest.raises(SystemExit, match="choose another --out"):
        run.main(arguments)
    assert (out / "table.md").read_text() == text


@pytest.mark.parametrize(
    "wrong",
    [
        ["--set=nothing"],
        ["--set=untrained=."],
        ["--set=a/b=."],
        ["--set=generated=."],
        ["--seeds", "1", "1"],
        ["--steps=0"],
    ],
)
def test_wrong_arguments_are_told_before_any_work(
    tmp_path: Path, sets: list[str], verification: Path, wrong: list[str]
):
    with pytest.raises(SystemExit) as caught:
        run.main([*sets, f"--verification={verification}", f"--out={tmp_path / 'out'}", *wrong])
    assert caught.value.code == 2
    assert not (tmp_path / "out").exists()


def test_a_bad_verification_file_is_told_before_any_work(tmp_path: Path, sets: list[str]):
    bad = tmp_path / "bad.bin"
    bad.write_bytes(b"no pickle")
    with pytest.raises(SystemExit, match=r"bad\.bin"):
        run.main([*sets, f"--verification={bad}", f"--out={tmp_path / 'out'}"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "wrong", ["--people 1", "--photos 1", "--held-out-people 25", "--held-out-people 10", "--size 8"]
)
def test_wrong_renders_are_told_before_any_work(tmp_path: Path, wrong: str):
    with pytest.raises(SystemExit) as caught:
        renders.main([str(tmp_path / "out"), *wrong.split()])
    assert caught.value.code == 2
    assert not (tmp_path / "out").exists()

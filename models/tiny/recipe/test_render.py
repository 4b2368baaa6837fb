"""What the renderer promises. Run `pytest` in this folder; the first run compiles the kernels (about a minute)."""

import json

import numpy as np
import pytest

import dataset
import scenes
from render import BLENDSHAPES, TRAITS, Person, neutral_conditions, sample_conditions, sample_identity
from render.conditions import MAX_PITCH, MAX_ROLL, MAX_YAW

SIZE = 96
PEOPLE = range(8)


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [Person(sample_identity(seed)) for seed in PEOPLE]


def expression(**strengths: float) -> np.ndarray:
    return np.array([strengths.get(name, 0.0) for name in BLENDSHAPES], np.float32)


def bare(person_seed: int) -> Person:
    """A person without hair or beard before the face, for tests that look at pixels."""
    return Person(sample_identity(person_seed)._replace(hair_style=0.06, beard_style=0.0, stubble=0.0))


def test_an_identity_has_at_least_40_traits_within_their_ranges():
    assert len(TRAITS) >= 40
    low, high = np.array([t.low for t in TRAITS]), np.array([t.high for t in TRAITS])
    values = np.array([sample_identity(seed) for seed in range(300)])
    assert np.all((values >= low) & (values <= high))
    # No trait is constant: each uses at least a third of its range.
    assert np.all(np.ptp(values, axis=0) > (high - low) / 3)


def test_no_skin_tone_is_rare():
    tones = np.array([sample_identity(seed).skin_tone for seed in range(2000)])
    counts, _ = np.histogram(tones, bins=5, range=(0, 1))
    # 400 expected in each fifth, standard deviation 18.
    assert counts.min() > 320


def test_conditions_stay_in_range():
    drawn = [sample_conditions(seed) for seed in range(500)]
    for name, limit in (("yaw", MAX_YAW), ("pitch", MAX_PITCH), ("roll", MAX_ROLL)):
        angles = np.array([getattr(c, name) for c in drawn])
        assert np.abs(angles).max() <= limit
        assert angles.std() > 0.3 * limit
    shapes = np.array([c.blendshapes for c in drawn])
    signed = np.array([name == "mouth_shift" for name in BLENDSHAPES])
    assert np.all((shapes >= np.where(signed, -1, 0)) & (shapes <= 1))
    assert np.all(shapes.max(0) > 0.3), "a blendshape is never used"


def test_shapes_and_types(people):
    photo = people[0].photograph(sample_conditions(3), SIZE)
    assert {name: (value.shape, value.dtype.name) for name, value in photo._asdict().items()} == {
        "image": ((SIZE, SIZE, 3), "uint8"),
        "clean": ((SIZE, SIZE, 3), "uint8"),
        "keypoints": ((5, 2), "float32"),
        "box": ((4,), "float32"),
        "normals": ((SIZE, SIZE, 3), "uint8"),
        "mask": ((SIZE, SIZE), "uint8"),
        "pose": ((3,), "float32"),
        "blendshapes": ((len(BLENDSHAPES),), "float32"),
    }


def test_a_seed_is_a_photo():
    first, second = (Person(sample_identity(11)).photograph(sample_conditions(12), SIZE) for _ in range(2))
    for name, value in first._asdict().items():
        assert np.array_equal(value, getattr(second, name)), name


def test_clean_is_the_photo_of_a_perfect_camera(people):
    conditions = sample_conditions(3)._replace(blur=0.8, noise=0.03, jpeg_quality=60)
    taken = people[0].photograph(conditions, SIZE)
    perfect = people[0].photograph(conditions._replace(blur=0.25, noise=0.0, jpeg_quality=0), SIZE)
    assert np.array_equal(taken.clean, perfect.image)
    assert not np.array_equal(taken.clean, taken.image)


def test_an_exposure_for_somebody_else_is_theirs(people):
    conditions = sample_conditions(3)
    own = people[0].photograph(conditions, SIZE)
    assert (
        abs(own.clean.astype(int) - people[0].photograph(conditions, SIZE, people[0].metered(conditions)).clean).max()
        < 12
    )
    brightness = np.array([person.metered(conditions) for person in people])
    darkest, lightest = people[brightness.argmin()], people[brightness.argmax()]
    photos = [person.photograph(conditions, SIZE, lightest.metered(conditions)) for person in (lightest, darkest)]
    backdrop = np.logical_and(*(photo.mask == 0 for photo in photos))
    # The same place, whoever stands there; without it the darker person's camera would open up.
    assert np.array_equal(*(photo.clean[backdrop] for photo in photos))
    assert darkest.photograph(conditions, SIZE).clean[backdrop].mean() > photos[1].clean[backdrop].mean() + 5


def test_keypoints_lie_on_the_face_in_arcface_order(people):
    for person in people:
        for seed in range(4):
            photo = person.photograph(sample_conditions(seed), SIZE)
            eye_l, eye_r, _, mouth_l, mouth_r = photo.keypoints
            assert eye_l[0] < eye_r[0] and mouth_l[0] < mouth_r[0]
            assert max(eye_l[1], eye_r[1]) < min(mouth_l[1], mouth_r[1])
            for x, y in photo.keypoints:
                assert photo.mask[round(float(y)), round(float(x))] > 200
            x0, y0, x1, y1 = photo.box
            margin = 0.03 * (x1 - x0)  # a nose may look over the edge of a turned face
            assert np.all(photo.keypoints >= [x0 - margin, y0]) and np.all(photo.keypoints <= [x1 + margin, y1])


def test_open_eyes_are_where_the_keypoints_say():
    for seed in PEOPLE:
        person = bare(seed)
        opened = person.photograph(neutral_conditions(), SIZE)
        closed = person.photograph(
            neutral_conditions()._replace(blendshapes=expression(blink_left=1, blink_right=1)), SIZE
        )
        change = np.abs(opened.image.astype(int) - closed.image).sum(-1)
        for k in (0, 1):
            x, y = np.rint(opened.keypoints[k]).astype(int)
            # The lids change the eye, and little else.
            assert change[y - 2 : y + 3, x - 4 : x + 5].mean() > 8 * change.mean()


def test_a_blink_of_one_eye_is_that_of_the_persons_left():
    person = bare(1)
    opened = person.photograph(neutral_conditions(), SIZE)
    wink = person.photograph(neutral_conditions()._replace(blendshapes=expression(blink_left=1)), SIZE)
    change = np.abs(opened.image.astype(int) - wink.image).sum(-1)
    right_half = np.arange(SIZE) > opened.keypoints[2, 0]
    assert change[:, right_half].sum() > 5 * change[:, ~right_half].sum()  # the person's left is at the image's right


def test_the_signs_of_the_pose(people):
    def points(**pose: float) -> np.ndarray:
        return people[0].photograph(neutral_conditions()._replace(**pose), SIZE).keypoints

    frontal = points()
    between = frontal[:2].mean(0)
    assert abs(frontal[2, 0] - between[0]) < 0.02 * SIZE
    turned = points(yaw=30.0)
    assert turned[2, 0] - turned[:2, 0].mean() > 0.03 * SIZE  # the nose points to the image's right
    up = points(pitch=18.0)
    down = points(pitch=-18.0)
    assert (
        up[2, 1] - up[:2, 1].mean() < down[2, 1] - down[:2, 1].mean()
    )  # looking up, the nose comes closer to the eyes
    leaned = points(roll=12.0)
    dx, dy = leaned[1] - leaned[0]
    # y runs down: clockwise is positive. Perspective and the lids cost well below a degree.
    assert np.degrees(np.arctan2(dy, dx)) == pytest.approx(12.0, abs=1.0)


def test_normals_face_the_viewer_and_follow_the_nose():
    for seed in (2, 5):
        photo = bare(seed).photograph(neutral_conditions(), SIZE)
        normals = (photo.normals.astype(float) - 128) / 127
        inside = photo.mask == 255
        length = np.linalg.norm(normals[inside], axis=-1)
        assert np.all(np.abs(length - 1) < 0.02)  # 8 bits: 1/127 a component
        assert np.quantile(normals[inside][:, 2], 0.01) > -0.1
        x, y = np.rint(photo.keypoints[2]).astype(int)
        assert normals[y, x - 4, 0] < 0 < normals[y, x + 4, 0]


def test_an_open_mouth_moves_chin_but_not_brow():
    person = bare(3)
    shut = person.photograph(neutral_conditions(), SIZE)
    wide = person.photograph(neutral_conditions()._replace(blendshapes=expression(jaw_open=1)), SIZE)
    assert wide.box[3] > shut.box[3] + 0.03 * SIZE
    assert np.allclose(wide.box[1], shut.box[1], atol=0.1)
    assert np.all(np.abs(wide.keypoints[:3] - shut.keypoints[:3]) < 0.5)


def test_light_comes_from_where_it_is():
    from_left = neutral_conditions()._replace(key_direction=(-0.8, 0.0, 0.6), rim_colour=(0.0, 0.0, 0.0))
    from_right = from_left._replace(key_direction=(0.8, 0.0, 0.6))
    person = bare(0)
    a, b = (person.photograph(c, SIZE).image.astype(float).mean(-1) for c in (from_left, from_right))
    keypoints = person.photograph(from_left, SIZE).keypoints
    y, middle = int(keypoints[2, 1]), round(float(keypoints[2, 0]))
    left, right = slice(middle - 22, middle - 8), slice(middle + 8, middle + 22)
    assert a[y - 3 : y + 4, left].mean() > a[y - 3 : y + 4, right].mean()
    assert b[y - 3 : y + 4, left].mean() < b[y - 3 : y + 4, right].mean()


def test_one_person_resembles_himself_more_than_others(people):
    def studio(person: Person, yaw: float) -> np.ndarray:
        return person.photograph(
            neutral_conditions()._replace(yaw=yaw, blendshapes=expression(smile_left=yaw / 10, smile_right=yaw / 10)),
            SIZE,
        ).image.astype(float)

    first, second = [studio(p, 0.0) for p in people], [studio(p, 6.0) for p in people]
    distance = np.array([[np.abs(a - b).mean() for b in second] for a in first])
    assert np.array_equal(distance.argmin(1), np.arange(len(people)))


def test_a_dataset_resumes_and_refuses_other_settings(tmp_path):
    settings = dataset.Settings(first=5, people=3, photos=2, size=32, shard=2, maps=True)
    dataset.write_dataset(tmp_path, settings, processes=1)
    shards = sorted(tmp_path.glob("*.npz"))
    assert [s.name for s in shards] == ["shard-00000.npz", "shard-00001.npz"]
    with np.load(shards[0]) as shard:
        assert shard["identity"].tolist() == [5, 5, 6, 6]
        assert shard["image"].shape == shard["normals"].shape == (4, 32, 32, 3)
        assert shard["traits"].shape == (2, len(TRAITS))
        before = shard["image"].copy()
    shards[0].unlink()
    kept = shards[1].stat().st_mtime_ns
    dataset.write_dataset(tmp_path, settings, processes=1)
    with np.load(shards[0]) as shard:
        assert np.array_equal(shard["image"], before)
    assert shards[1].stat().st_mtime_ns == kept
    assert json.loads((tmp_path / "manifest.json").read_text())["people"] == 3
    with pytest.raises(SystemExit, match=r"Expected .* but received"):
        dataset.write_dataset(tmp_path, settings._replace(size=48), processes=1)


def test_scenes_label_what_can_be_seen():
    drawn = [scenes.render_scene(seed, 160) for seed in range(8)]
    assert sum(len(s.boxes) for s in drawn) >= 4
    for scene in drawn:
        assert scene.image.shape == (160, 160, 3)
        assert len(scene.boxes) == len(scene.keypoints)
        for box, points in zip(scene.boxes, scene.keypoints):
            assert 0 <= box[0] < box[2] <= 159 and 0 <= box[1] < box[3] <= 159
            assert np.all((points >= 0) & (points <= 159))
            centre = points.mean(0)
            assert box[0] < centre[0] < box[2] and box[1] < centre[1] < box[3]
    again = scenes.render_scene(3, 160)
    assert np.array_equal(again.image, drawn[3].image)

"""Verification files: what published ones hold is read, and nothing in any of them is executed. Run `pytest` in this folder."""

import io
import os
import pickle
import pickletools
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import verification_file
from pickled_data import PickleRefused, read_pickle
from verification_file import VerificationFileError, read_pairs, write_pairs

JPEGS = [b"\xff\xd8\xff one", b"\xff\xd8 two \x00\x80", b"\xff\xd8" + bytes(range(256)), b"\xff\xd8"]
SAME = [True, False]


def written(tmp_path: Path, pickled: bytes) -> Path:
    path = tmp_path / "pairs.bin"
    path.write_bytes(pickled)
    return path


def refused(tmp_path: Path, pickled: bytes) -> VerificationFileError:
    with pytest.raises(VerificationFileError) as caught:
        read_pairs(written(tmp_path, pickled))
    return caught.value


def by_python_2(images: list[bytes], same: list[bool]) -> bytes:
    """What Python 2's cPickle writes of (images, same) in its highest protocol: text is bytes, and each value is kept."""
    memo = iter(range(1000))

    def kept(data: bytes) -> bytes:
        return data + b"q" + bytes([next(memo)])

    def text(data: bytes) -> bytes:
        return kept(b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + struct.pack("<i", len(data)) + data)

    truths = b"".join(b"\x88" if answer else b"\x89" for answer in same)
    lists = kept(b"]") + b"(" + b"".join(map(text, images)) + b"e" + kept(b"]") + b"(" + truths + b"e"
    return b"\x80\x02" + lists + kept(b"\x86") + b"."


def in_protocol(number: int) -> Callable[[], bytes]:
    return lambda: pickle.dumps((JPEGS, SAME), number)


def as_arrays(number: int, *shape: int) -> Callable[[], bytes]:
    """Images as OpenCV encodes them, truth values as NumPy compares."""

    def make() -> bytes:
        images = [np.frombuffer(image, np.uint8).reshape(*shape).copy() for image in JPEGS]
        return pickle.dumps((images, [np.bool_(answer) for answer in SAME]), number)

    return make


READ = {
    "Python 2": lambda: by_python_2(JPEGS, SAME),
    **{f"protocol {number}": in_protocol(number) for number in range(2, 6)},
    **{f"arrays in protocol {number}": as_arrays(number, -1, 1) for number in range(2, 6)},
    "flat arrays": as_arrays(4, -1),
    "arrays by NumPy 1": lambda: as_arrays(2, -1, 1)().replace(b"numpy._core", b"numpy.core"),
    "truth values in an array": lambda: pickle.dumps((JPEGS, np.array(SAME)), 4),
    "arrays that nothing may write": lambda: pickle.dumps(([np.frombuffer(i, np.uint8) for i in JPEGS], SAME), 5),
}


@pytest.mark.parametrize("form", READ)
def test_all_forms_of_published_files_are_read(tmp_path: Path, form: str):
    pairs = read_pairs(written(tmp_path, READ[form]()))
    assert pairs.images == JPEGS
    assert pairs.same.dtype == bool and pairs.same.tolist() == SAME


def test_python_2_is_imitated_rightly():
    assert pickle.loads(by_python_2(JPEGS, SAME), encoding="bytes") == (JPEGS, SAME)


def test_what_is_written_is_read_by_pickle_and_by_this(tmp_path: Path):
    path = tmp_path / "written.bin"
    write_pairs(path, JPEGS, SAME)
    assert pickle.loads(path.read_bytes()) == (JPEGS, SAME)
    assert read_pairs(path).images == JPEGS


class Calls:
    """A value whose pickle calls something."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.made = function, arguments

    def __reduce__(self) -> tuple[Callable, tuple]:
        return self.made


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("place", ["an image", "a truth value", "the whole", "a forgotten value"])
def test_no_call_is_made(tmp_path: Path, protocol: int, place: str):
    trace = tmp_path / "trace"
    call = Calls(os.system, f"touch {trace}")
    if place == "a forgotten value":
        inner = pickle.dumps(call, protocol).removesuffix(b".")
        hostile = inner + b"0" + pickletools.optimize(pickle.dumps((JPEGS, SAME), protocol))[2:]
    else:
        whole = {"an image": ([call, *JPEGS[1:]], SAME), "a truth value": (JPEGS, [call, True]), "the whole": call}
        hostile = pickle.dumps(whole[place], protocol)
    error = refused(tmp_path, hostile)
    assert error.reason == "forbidden" and "system" in str(error)
    assert not trace.exists()
    pickle.loads(hostile)  # the danger is a real one
    assert trace.exists()


def test_no_module_is_imported(tmp_path: Path):
    module = tmp_path / "imported_by_a_pickle.py"
    module.write_text("value = 1\n")
    for pickled in (
        b"\x80\x02cimported_by_a_pickle\nvalue\n.",
        b"\x80\x04\x8c\x14imported_by_a_pickle\x8c\x05value\x93.",
    ):
        sys.path.insert(0, str(tmp_path))
        try:
            assert refused(tmp_path, pickled).reason == "forbidden"
        finally:
            sys.path.remove(str(tmp_path))
    assert "imported_by_a_pickle" not in sys.modules


FORBIDDEN = {
    "a call of what is no function": b"\x80\x02(lK\x01\x85R.",
    "another encoding": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00utf-8\x86R.",
    "an array of objects": pickle.dumps(np.array([None]), 2),
    "an array of numbers": pickle.dumps(np.array([1.5]), 2),
    "a subclass of arrays": pickle.dumps(np.ma.array([1], dtype=np.uint8), 2),
    "a class": pickle.dumps(Path, 2),
    "an instance": pickle.dumps(io.BytesIO(b""), 2),
    "a dictionary": pickle.dumps({}, 2),
    "a registered extension": b"\x80\x02\x82\x01.",
    "a foreign identity": b"\x80\x02K\x01Q.",
    "a state for a list": b"\x80\x02](K\x01lb.",
    "an old text operation": b"\x80\x02I01\n.",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_more_than_data_is_forbidden(tmp_path: Path, what: str):
    assert refused(tmp_path, FORBIDDEN[what]).reason == "forbidden"


DAMAGED = {
    "nothing": b"",
    "no pickle": b"\xff\xd8\xff\xe0 a photo",
    "protocol 0": pickle.dumps((JPEGS, SAME), 0),
    "protocol 6": b"\x80\x06N.",
    "bytes behind the end": pickle.dumps((JPEGS, SAME), 2) + b"N.",
    "two values": b"\x80\x02NN.",
    "no value": b"\x80\x02.",
    "a mark alone": b"\x80\x02(.",
    "a tuple of nothing": b"\x80\x02t.",
    "an append to nothing": b"\x80\x02Na.",
    "a value that was never kept": b"\x80\x02h\x07.",
    "more bytes than any memory": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
    "more bytes than a number counts": b"\x80\x04\x8e" + struct.pack("<Q", 2**64 - 1) + b".",
    "a text of a negative length": b"\x80\x02T" + struct.pack("<i", -1) + b".",
    "an array of more than there is": pickle.dumps(np.zeros(5, np.uint8), 2).replace(b"K\x05\x85", b"K\x06\x85"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damage_is_told(tmp_path: Path, what: str):
    error = refused(tmp_path, DAMAGED[what])
    assert error.reason == "damaged"
    assert "pairs.bin" in str(error) and "Expected" in str(error)


@pytest.mark.parametrize("form", READ)
def test_a_file_that_ends_early_is_damaged_wherever_it_ends(tmp_path: Path, form: str):
    whole = READ[form]()
    for length in range(len(whole)):
        with pytest.raises(PickleRefused) as caught:
            read_pickle(whole[:length])
        assert caught.value.reason == "damaged"


def test_bytes_by_lot_are_read_or_refused(tmp_path: Path):
    random = np.random.default_rng(0)
    outcomes = set()
    for form in sorted(READ):
        whole = READ[form]()
        for _ in range(60):
            changed = bytearray(whole)
            for place in random.integers(0, len(whole), random.integers(1, 4)):
                changed[place] = random.integers(256)
            try:
                read_pairs(written(tmp_path, bytes(changed)))
                outcomes.add("read")
            except VerificationFileError as error:
                outcomes.add(error.reason)
    assert outcomes == {"read", "damaged", "forbidden", "contents"}


CONTENTS = {
    "no tuple": JPEGS,
    "three parts": (JPEGS, JPEGS, SAME),
    "no lists": (None, SAME),
    "no pairs": ([], []),
    "an image too few": (JPEGS[:3], SAME),
    "an image too many": ([*JPEGS, JPEGS[0]], SAME),
    "an image without bytes": ([b"", *JPEGS[1:]], SAME),
    "text in the place of an image": (["text", *JPEGS[1:]], SAME),
    "pixels in the place of an encoded image": ([np.zeros((4, 4), np.uint8), *JPEGS[1:]], SAME),
    "numbers in the place of truth values": (JPEGS, [1, 0]),
    "bytes in the place of truth values": (JPEGS, np.array([1, 0], np.uint8)),
}


@pytest.mark.parametrize("what", CONTENTS)
def test_other_data_is_told(tmp_path: Path, what: str):
    assert refused(tmp_path, pickle.dumps(CONTENTS[what], 4)).reason == "contents"


def test_a_list_that_holds_itself_is_told(tmp_path: Path):
    images: list = [*JPEGS]
    images[0] = images
    assert refused(tmp_path, pickle.dumps((images, SAME), 4)).reason == "contents"


@pytest.mark.parametrize("limit, value", [("MOST_BYTES", 100), ("MOST_PAIRS", 1), ("MOST_IMAGE_BYTES", 100)])
def test_sizes_beyond_belief_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int):
    path = written(tmp_path, pickle.dumps((JPEGS, SAME), 4))
    assert len(read_pairs(path).images) == 4
    monkeypatch.setattr(verification_file, limit, value)
    with pytest.raises(VerificationFileError) as caught:
        read_pairs(path)
    assert caught.value.reason == "size"

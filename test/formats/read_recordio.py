# Reads train.rec, train.idx and property as InsightFace's MXFaceDataset does: python read_recordio.py FOLDER
# By itself, from what dmlc and MXNet document of the format; and with MXNet's own reader where it is installed, which has to read the same.
# Prints what it read: first a line of JSON for the set, then one for each image, then one for each person.
import hashlib
import io
import json
import os
import struct
import sys

import numpy
from PIL import Image

MAGIC = 0xCED7230A


class Records:
    """Records by their number."""

    def __init__(self, folder):
        self.data = open(os.path.join(folder, "train.rec"), "rb").read()
        with open(os.path.join(folder, "train.idx")) as lines:
            self.places = {int(number): int(place) for number, place in (line.split("\t") for line in lines)}

    def read(self, number):
        place, parts = self.places[number], []
        while True:
            magic, word = struct.unpack_from("<II", self.data, place)
            assert magic == MAGIC, f"record {number} has no magic number at {place}"
            kind, length = word >> 29, word & ((1 << 29) - 1)
            assert kind in ((0, 1) if not parts else (2, 3)), f"record {number} has a part of kind {kind} at {place}"
            part = self.data[place + 8 : place + 8 + length]
            # Whoever begins in the middle of a file looks for the magic number.
            words = numpy.frombuffer(part, "<u4", length // 4)
            assert not (words == MAGIC).any(), f"record {number} has the magic number within a part"
            parts.append(part)
            place += 8 + (length + 3) // 4 * 4
            if kind in (0, 3):
                return struct.pack("<I", MAGIC).join(parts)

    def unpacked(self, number):
        record = self.read(number)
        flag, label, identity, _ = struct.unpack("<IfQQ", record[:24])
        assert identity == number
        rest = record[24:]
        if flag == 0:
            return label, rest
        return numpy.frombuffer(rest, "<f4", flag), rest[4 * flag :]

    def first_to_last(self):
        """The numbers of all records in the order in which they lie, which leave no byte between them."""
        return sorted(self.places, key=self.places.get)


def mxnet_records(folder):
    try:
        from mxnet import recordio
    except (ImportError, OSError) as error:  # OSError: without a library of the system that it links to
        print(f"MXNet's own reader is not here: {error}", file=sys.stderr)
        return None
    reader = recordio.MXIndexedRecordIO(os.path.join(folder, "train.idx"), os.path.join(folder, "train.rec"), "r")
    return lambda number: recordio.unpack(reader.read_idx(number))


def main(folder):
    records = Records(folder)
    theirs = mxnet_records(folder)

    def unpacked(number):
        label, image = records.unpacked(number)
        if theirs is not None:
            header, their_image = theirs(number)
            assert numpy.array_equal(header.label, label) and their_image == image and header.id == number
        return label, image

    with open(os.path.join(folder, "property")) as file:
        classes, height, width = map(int, file.read().strip().split(","))
    (first, end), rest = unpacked(0)
    print(
        json.dumps(
            {
                "classes": classes,
                "size": [height, width],
                "records": len(records.places),
                "people": [int(first), int(end)],
                "rest": len(rest),
                "order": records.first_to_last(),
                "mxnet": theirs is not None,
            }
        )
    )
    for number in range(1, int(first)):
        label, image = unpacked(number)
        pixels = numpy.asarray(Image.open(io.BytesIO(image)).convert("RGB"))
        assert pixels.shape == (height, width, 3)
        print(json.dumps({"record": number, "class": int(label), "digest": hashlib.sha256(image).hexdigest()}))
    for number in range(int(first), int(end)):
        label, rest = unpacked(number)
        assert rest == b""
        print(json.dumps({"record": number, "range": [int(place) for place in label]}))


main(sys.argv[1])

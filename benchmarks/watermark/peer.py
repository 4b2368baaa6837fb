"""Marks and reads images with invisible-watermark (DwtDct, 48 bits), as asked on stdin: `e` or `d`, width, height, six bytes, RGB.

Answers with milliseconds of a processor, as a float64, and the marked RGB or six bytes.
"""

import struct
import sys
import time
import types

import numpy as np

# The package imports its neural method, and with it PyTorch, even where it is not used.
sys.modules["imwatermark.rivaGan"] = types.SimpleNamespace(RivaWatermark=None)

from imwatermark import WatermarkDecoder, WatermarkEncoder  # noqa: E402

METHOD = "dwtDct"


def main() -> None:
    while head := sys.stdin.buffer.read(15):
        what, width, height, payload = struct.unpack("<cII6s", head)
        rgb = np.frombuffer(sys.stdin.buffer.read(width * height * 3), np.uint8).reshape(height, width, 3)
        bgr = np.ascontiguousarray(rgb[:, :, ::-1])
        started = time.process_time()
        if what == b"e":
            encoder = WatermarkEncoder()
            encoder.set_watermark("bytes", payload)
            marked = encoder.encode(bgr, METHOD)
            took = time.process_time() - started
            answer = np.ascontiguousarray(marked[:, :, ::-1]).tobytes()
        else:
            try:
                answer = bytes(WatermarkDecoder("bytes", 48).decode(bgr, METHOD))
            except RuntimeError:  # of images below 256 × 256
                answer = bytes(6)
            took = time.process_time() - started
        sys.stdout.buffer.write(struct.pack("<d", 1000 * took) + answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

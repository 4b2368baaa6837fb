"""Records misc/lanczos: Pillow's LANCZOS resizing, which diffusers' pipelines use for photos and masks.

    pip install pillow numpy safetensors
    python test/golden/generate/lanczos.py

Byte i of a photo is 7919 i modulo 251: neighbours differ as in noise, so that sums leave 0 to 255.
"""
import json
from pathlib import Path

import numpy as np
import PIL
from PIL import Image
from safetensors.numpy import save_file

GOLDEN = Path(__file__).resolve().parent.parent
# From and to, each width x height: one pixel, enlarged, reduced a little and a lot, one side alone, both ways at once.
SIZES = [
    ((1, 1), (8, 16)), ((2, 3), (40, 24)), ((50, 30), (64, 48)), ((100, 77), (96, 72)), ((333, 217), (64, 48)),
    ((64, 40), (64, 96)), ((41, 64), (128, 64)), ((700, 5), (16, 24)), ((1, 900), (24, 16)), ((32, 24), (32, 24)),
]

tensors, cases = {}, []
for (width, height), size in SIZES:
    name = f"{width}x{height} to {size[0]}x{size[1]}"
    levels = (np.arange(width * height * 3, dtype=np.int64) * 7919 % 251).astype(np.uint8).reshape(height, width, 3)
    tensors[f"{name}/resized"] = np.array(Image.fromarray(levels).resize(size, Image.LANCZOS))
    cases.append({"name": name, "from": [width, height], "to": list(size), "tensors": {"resized": f"{name}/resized"}})

out = GOLDEN / "misc/lanczos"
save_file(tensors, f"{out}.safetensors")
title = {"title": "LANCZOS resizing", "upstream": f"Pillow {PIL.__version__}: Image.resize(size, Image.LANCZOS) of RGB, 8 bits"}
Path(f"{out}.json").write_text(json.dumps({**title, "cases": cases}, indent=1) + "\n")

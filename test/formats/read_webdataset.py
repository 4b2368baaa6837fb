# Reads tar shards as a trainer does, with the package webdataset: python read_webdataset.py 'faces-{000000..000002}.tar'
# Prints what it read, a line of JSON for each sample.
import hashlib
import json
import sys

import webdataset

samples = webdataset.WebDataset(sys.argv[1], shardshuffle=False)
raw = {sample["__key__"]: sample for sample in samples}

for sample in webdataset.WebDataset(sys.argv[1], shardshuffle=False).decode("pil"):
    images = {name: image for name, image in sample.items() if name in ("jpg", "png", "crop.jpg", "crop.png")}
    print(
        json.dumps(
            {
                "key": sample["__key__"],
                "class": sample["cls"],
                "row": sample["json"],
                "sizes": {name: image.size for name, image in images.items()},
                "digests": {name: hashlib.sha256(raw[sample["__key__"]][name]).hexdigest() for name in images},
            }
        )
    )

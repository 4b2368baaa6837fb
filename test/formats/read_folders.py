# Reads folders by person as torchvision's ImageFolder does, and the table beside them: python read_folders.py FOLDER
# Prints what it read, a line of JSON for each row of the table.
import csv
import hashlib
import json
import os
import sys

from PIL import Image

folder = sys.argv[1]
# A class is the place of its folder among all, by name.
classes = {kind: sorted(os.listdir(os.path.join(folder, kind))) for kind in ("images", "crops")}

with open(os.path.join(folder, "table.csv"), newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file, strict=True):
        files = {}
        for column in ("portrait", "crop"):
            kind, person, _ = row[column].split("/")
            path = os.path.join(folder, row[column])
            with Image.open(path) as image:
                image.load()
                digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
                files[column] = {"class": classes[kind].index(person), "size": image.size, "digest": digest}
        print(json.dumps({"row": row, "files": files}))

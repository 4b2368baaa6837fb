"""Where the recipe of the tiny bundle is, whose renderer, network, loss and crops this experiment uses: importing this makes them importable."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RECOGNISER = REPOSITORY / "models/tiny/antelopev2/arcface.onnx"

# In front, so that no installed `train` or `dataset` hides the recipe's; none of this folder's files has such a name.
sys.path.insert(0, str(REPOSITORY / "models/tiny/recipe"))

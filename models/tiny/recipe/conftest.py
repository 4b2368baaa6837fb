"""What the tests of the training share: one run of all stages, on settings of seconds."""

from pathlib import Path

import pytest
import torch

from train import data, everything

SMOKE = ["--size", "smoke"]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with rendered data."""
    out = tmp_path_factory.mktemp("run")
    data.main(["--out", str(out), *SMOKE, "--workers", "1", "--minutes", "5"])
    return out


@pytest.fixture(scope="session")
def bundle(run: Path) -> Path:
    """What all stages, one after the other, make of it: a few steps of everything."""
    everything.main(["--out", str(run), *SMOKE, "--portraits", "2", "--device", "cpu", "--minutes", "0.02"])
    return run / "bundle"

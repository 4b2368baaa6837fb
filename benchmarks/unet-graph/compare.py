"""Times one UNet evaluation (batch 2, 512 x 512 pixels) of PyTorch's graph and of ours on ONNX Runtime's CPU provider.

    python compare.py <folder> [--rounds 3] [--threads 2]

The graphs take turns, each in a process of its own, because two of them at once need more memory than many machines have.
The answers are compared before the times are told.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy
import onnxruntime

GRAPHS = ("pytorch", "ours")
TYPES = {"float32": numpy.float32, "float16": numpy.float16}


def session_of(folder: Path, graph: str, threads: int):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if graph == "ours":
        weights = json.loads((folder / "ours.json").read_text())
        values = [
            numpy.memmap(one["file"], TYPES[one["type"]], "r", one["offset"], tuple(one["shape"])) for one in weights
        ]
        options.add_external_initializers(
            [one["name"] for one in weights],
            [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in values],
        )
    return onnxruntime.InferenceSession(str(folder / f"{graph}.onnx"), options, providers=["CPUExecutionProvider"])


def run_one(folder: Path, graph: str, threads: int, runs: int) -> None:
    started = time.perf_counter()
    session = session_of(folder, graph, threads)
    loaded = time.perf_counter() - started
    random = numpy.random.default_rng(0)
    given = {
        "sample": random.standard_normal((2, 4, 64, 64), numpy.float32),
        "timestep": numpy.array([500, 500], numpy.float32),
        "encoder_hidden_states": random.standard_normal((2, 77, 768), numpy.float32),
    }
    seconds, cpu_seconds = [], []
    for _ in range(runs):
        started, cpu_started = time.perf_counter(), time.process_time()
        (eps,) = session.run(["eps"], given)
        seconds.append(time.perf_counter() - started)
        cpu_seconds.append(time.process_time() - cpu_started)
    numpy.save(folder / f"{graph}.npy", eps)
    # Without the pages of mapped files, which the system can drop.
    status = Path("/proc/self/status").read_text()
    anonymous = int(status.split("RssAnon:")[1].split()[0]) * 1024
    print(json.dumps({"loaded": loaded, "seconds": seconds, "cpu_seconds": cpu_seconds, "anonymous": anonymous}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3, help="in each round; the first one warms up")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--graph", choices=GRAPHS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.graph:
        run_one(given.folder, given.graph, given.threads, given.runs)
        return

    results = {graph: [] for graph in GRAPHS}
    for _ in range(given.rounds):
        for graph in GRAPHS:
            command = [sys.executable, __file__, *sys.argv[1:], "--graph", graph]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            results[graph].append(json.loads(output))

    theirs, ours = (numpy.load(given.folder / f"{graph}.npy") for graph in GRAPHS)
    error = numpy.abs(theirs - ours).max() / numpy.abs(theirs).max()
    print(f"answers differ by {error:.1e} of the largest value; ONNX Runtime {onnxruntime.__version__}, {given.threads} threads")
    if not error <= 1e-4:
        sys.exit("These are different networks.")
    for graph in GRAPHS:
        seconds = sorted(one for result in results[graph] for one in result["seconds"][1:])
        load = min(result["loaded"] for result in results[graph])
        anonymous = max(result["anonymous"] for result in results[graph]) / 1e9
        median = seconds[len(seconds) // 2]
        # Threads that wait do not spin, so this one hardly depends on what else the machine does.
        cpu = min(one for result in results[graph] for one in result["cpu_seconds"][1:])
        print(
            f"{graph:8} least {seconds[0]:.2f} s, median {median:.2f} s, processor time {cpu:.2f} s, "
            f"load {load:.1f} s, anonymous memory {anonymous:.1f} GB"
        )


if __name__ == "__main__":
    main()

"""All stages one after the other, each where it stood, and what they make of it: the bundle, its numbers and its sheet.

python -m train.everything --out RUN --size cpu --adopt
Other options (--threads, --device, --minutes of each stage, …) are handed on to the stages that train.
"""

import argparse
from pathlib import Path

from . import (
    adopt,
    controlnet,
    data,
    decoder,
    detector,
    diffusion,
    embedder,
    evaluate,
    evaluator,
    export,
    expression,
    keypoints,
    lcm,
    observer,
    reader,
    reference,
    retouch,
    taesd,
    vae,
)
from .sizes import SIZES

_ADOPTED = (detector, embedder, evaluator, keypoints)
_PAINTING = (vae, reader, diffusion, decoder, retouch)
_ADAPTING = (observer, taesd, controlnet, expression, reference, lcm)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m train.everything", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--size", choices=SIZES, default="gpu")
    parser.add_argument(
        "--adopt",
        action="store_true",
        help="take detector, embedder and the networks that judge over from the bundle beside this recipe",
    )
    parser.add_argument(
        "--portraits", type=int, default=4, help="of each of 50 people, to measure; 0 to measure nothing"
    )
    args, handed_on = parser.parse_known_args(argv)
    run = ["--out", str(args.out), "--size", args.size]
    data.main([*run, "--no-training-scenes"] if args.adopt else run)
    if args.adopt:
        adopt.main(run)
    for stage in (*(() if args.adopt else _ADOPTED), *_PAINTING, *_ADAPTING):
        stage.main([*run, *handed_on])
    export.main(run)
    if args.portraits > 0:
        evaluate.main(["--out", str(args.out), "--each", str(args.portraits)])


if __name__ == "__main__":
    main()

"""Whether no two identities are more alike than they may be: all pairs in float64, independently of the package.

    python benchmarks/dataset/check_identities.py identities.npy 0.3 [excluded.npy]

Needs NumPy. Prints the most similar pair; ends with 1 if its cosine, or that of an identity with an excluded one, is
above the limit by more than 1e-12, which rounding in another order may add.
"""
import argparse
import sys

import numpy as np

ROWS = 1024  # of a block of pairs: 8 MB


def unit(file):
    rows = np.load(file, allow_pickle=False).astype(np.float64)
    if rows.ndim != 2 or rows.shape[1] != 512 or not np.isfinite(rows).all():
        sys.exit(f"Expected finite numbers [n, 512] in {file} but found {rows.shape}.")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (lengths > 0).all():
        sys.exit(f"Row {int(lengths.argmin())} of {file} has no direction.")
    return rows / lengths


def most_similar(a, b):
    """The largest cosine of a row of `a` with one of `b`; of one array with itself, each pair counts once."""
    best = (-np.inf, None, None)
    for i in range(0, len(a), ROWS):
        for j in range(0, i + ROWS if a is b else len(b), ROWS):
            cosines = a[i : i + ROWS] @ b[j : j + ROWS].T
            if a is b and i == j:
                cosines[np.triu_indices(len(cosines))] = -np.inf
            if cosines.size > 0 and cosines.max() > best[0]:
                row, column = np.unravel_index(cosines.argmax(), cosines.shape)
                best = (cosines.max(), i + row, j + column)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("identities")
    parser.add_argument("limit", type=float)
    parser.add_argument("excluded", nargs="?")
    arguments = parser.parse_args()
    identities = unit(arguments.identities)
    pairs = {"two identities": most_similar(identities, identities)}
    if arguments.excluded is not None:
        pairs["an identity and an excluded one"] = most_similar(identities, unit(arguments.excluded))
    violated = False
    for name, (cosine, row, other) in pairs.items():
        if row is None:
            print(f"{name}: none to compare")
            continue
        above = not cosine <= arguments.limit + 1e-12
        violated = violated or above
        verdict = f"above {arguments.limit}" if above else f"at most {arguments.limit}"
        print(f"{name}: the largest cosine of {len(identities)} is {cosine:.12f}, rows {row} and {other}: {verdict}")
    sys.exit(1 if violated else 0)


if __name__ == "__main__":
    main()

"""The table of the experiment, from what each run left."""

import statistics
from typing import Any, NamedTuple


class Run(NamedTuple):
    """One recogniser."""

    trained_on: str
    seed: int
    verdicts: dict[str, dict[str, Any]]  # by verification file: judging.Verdict


class Spread(NamedTuple):
    """Over seeds. deviation: the sample's, None of a single one."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def summarise(runs: list[Run], beside: dict[str, dict[str, Any]], chance: dict[str, float]) -> dict[str, Any]:
    """Accuracy, 0 to 1, by verification file and set, seed by seed and in the mean; and how far two sets are apart.

    beside: verdicts, by verification file, of a recogniser that was not trained here
    chance: by verification file, what who always gives the commoner answer gets right
    """
    files, names = list(chance), list(dict.fromkeys(run.trained_on for run in runs))
    tables = {}
    for file in files:
        rows = {}
        for name in names:
            mine = [run for run in runs if run.trained_on == name]
            rows[name] = {
                "accuracy": {str(run.seed): run.verdicts[file]["accuracy"] for run in mine},
                "spread": Spread.of([run.verdicts[file]["accuracy"] for run in mine])._asdict(),
                "true_accepts": {
                    rate: Spread.of([run.verdicts[file]["true_accepts"][rate] for run in mine])._asdict()
                    for rate in mine[0].verdicts[file]["true_accepts"]
                },
            }
        tables[file] = {"rows": rows, "chance": chance[file], "beside": beside.get(file)}
    means = {
        name: Spread.of(
            [
                statistics.fmean(verdict["accuracy"] for verdict in run.verdicts.values())
                for run in runs
                if run.trained_on == name
            ]
        )._asdict()
        for name in names
    }
    return {"files": tables, "mean_of_files": means, "apart": _apart(runs, names)}


def _apart(runs: list[Run], names: list[str]) -> dict[str, Any] | None:
    """Of two sets: the second's mean accuracy less the first's, seed by seed; both began from the same weights."""
    trained = [name for name in names if name != "untrained"]
    if len(trained) != 2:
        return None
    accuracy = {
        (run.trained_on, run.seed): statistics.fmean(verdict["accuracy"] for verdict in run.verdicts.values())
        for run in runs
    }
    seeds = sorted({run.seed for run in runs})
    differences = [accuracy[trained[1], seed] - accuracy[trained[0], seed] for seed in seeds]
    return {"of": trained[1], "over": trained[0], **Spread.of(differences)._asdict()}


def markdown(summary: dict[str, Any], heading: str) -> str:
    """The summary for readers, in per cent."""
    lines = [heading, ""]
    for file, table in summary["files"].items():
        rows = table["rows"]
        seeds = list(next(iter(rows.values()))["accuracy"])
        rates = list(next(iter(rows.values()))["true_accepts"])
        headings = [
            f"`{file}`, trained on",
            *(f"seed {seed}" for seed in seeds),
            "accuracy, mean ± sd",
            *(f"TAR at FAR {float(rate):.3g}" for rate in rates),
        ]
        lines += ["| " + " | ".join(headings) + " |", "| --- |" + " ---: |" * (len(headings) - 1)]
        for name, row in rows.items():
            cells = [
                *(_percent(accuracy) for accuracy in row["accuracy"].values()),
                _spread(row["spread"]),
                *(_spread(row["true_accepts"][rate]) for rate in rates),
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        if (beside := table["beside"]) is not None:
            accepts = [_percent(beside["true_accepts"][rate]) for rate in rates]
            cells = [*[""] * len(seeds), _percent(beside["accuracy"]), *accepts]
            lines.append("| (beside: trained elsewhere) | " + " | ".join(cells) + " |")
        cells = [*[""] * len(seeds), _percent(table["chance"]), *[""] * len(rates)]
        lines += ["| (chance) | " + " | ".join(cells) + " |", ""]
    if len(summary["files"]) > 1:
        lines += ["| Trained on | mean accuracy of all files ± sd |", "| --- | ---: |"]
        lines += [f"| {name} | {_spread(spread)} |" for name, spread in summary["mean_of_files"].items()]
        lines.append("")
    if (apart := summary["apart"]) is not None:
        lines += [f"{apart['of']} less {apart['over']}, seed by seed: {_spread(apart)} points.", ""]
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _spread(spread: dict[str, Any]) -> str:
    deviation = spread["deviation"]
    return _percent(spread["mean"]) + ("" if deviation is None else f" ± {_percent(deviation)}")

#!/usr/bin/env python3
"""The tables of docs/ladder.md: engines down, workloads across.

    calvo compare sweeps/ladder --steps --json | tools/ladder_table.py
    calvo compare sweeps/ladder_peers --json | tools/ladder_table.py

A cell is the mean over the seeds and, in brackets, the 95 % interval of the difference from the
reference (the engine before with --steps, else the first); bold where the difference is significant
after Holm's correction.
"""
import json
import sys

FORMS = {"slo_attainment": ("attainment (%)", 100, 0), "mean_ttft_ms": ("mean TTFT (s)", 1e-3, 2)}


def cell(value, scale, digits):
    text = f"{scale * value['mean']:.{digits}f}"
    difference = value["vs_reference"]
    if difference is None:
        return text
    interval = "[" + ", ".join(f"{scale * end:+.{digits}f}" for end in difference["ci95"]) + "]"
    return f"{text} " + (f"**{interval}**" if difference["significant"] else interval)


def table(values, metric):
    name, scale, digits = FORMS[metric]
    cells = {(v["group"], v["settings"]): v for v in values if v["metric"] == metric}
    groups = list(dict.fromkeys(group for group, _ in cells))
    settings = list(dict.fromkeys(where for _, where in cells))
    lines = [f"| {name} | " + " | ".join(settings) + " |", "|---|" + "---|" * len(settings)]
    for group in groups:
        row = [cell(cells[group, where], scale, digits) if (group, where) in cells else ""
               for where in settings]
        lines.append(f"| `{group}` | " + " | ".join(row) + " |")
    return "\n".join(lines)


def main():
    comparison = json.load(sys.stdin)
    metrics = dict.fromkeys(value["metric"] for value in comparison["values"])
    print("\n\n".join(table(comparison["values"], metric) for metric in metrics if metric in FORMS))


if __name__ == "__main__":
    main()

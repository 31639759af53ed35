#!/usr/bin/env python3
"""The tables of docs/reproduction.md, from the directories of its sweeps.

reproduction_tables.py SWEEPS [NAME...]   prints the tables of the sweeps SWEEPS/NAME (default: all)
reproduction_tables.py SWEEPS --update    writes them into docs/reproduction.md

Means and their intervals are those of sweep.json. Differences and cuts are paired by seed: a cut is
1 - (sum over seeds) / (sum of the reference's), its 95 % interval Student's, of the ratio's residuals.
"""
import collections
import csv
import json
import math
import pathlib
import statistics
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "reproduction.md"


def student(degrees):
    """The 97.5 % point of Student's t, to 0.001 from 5 degrees on (Cornish and Fisher)."""
    z = statistics.NormalDist().inv_cdf(0.975)
    terms = [z, (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96,
             (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384]
    return sum(term / degrees**i for i, term in enumerate(terms))


def half_width(residuals):
    n = len(residuals)
    return student(n - 1) * math.sqrt(sum(r * r for r in residuals) / (n - 1) / n)


class Sweep:
    """Cells by (engine, settings...), of the axes that are named; texts as the sweep file has them."""

    def __init__(self, folder, axes):
        index = json.loads((folder / "sweep.json").read_text())
        if not index["complete"] or index["points"]["failed"]:
            sys.exit(f"{folder}: points are missing or failed; sweep again with --resume")
        rows = collections.defaultdict(list)
        with open(folder / "sweep.csv", newline="") as table:
            for row in csv.DictReader(table):
                rows[row["cell"]].append(row)
        self.engines, self.cells = index["engines"], {}
        for cell in index["cells"]:
            key = tuple(next((v for k, v in cell["settings"].items() if k.endswith(axis)), "")
                        for axis in axes)
            self.cells[(cell["engine"], *key)] = (cell["metrics"], rows[cell["cell"]])
        self.settings = list(dict.fromkeys(key[1:] for key in self.cells))

    def mean(self, key, metric):
        return self.cells[key][0][metric]["mean"]

    def with_interval(self, key, metric, scale, digits):
        found = self.cells[key][0][metric]
        text = f"{found['mean'] * scale:.{digits}f}"
        if found["ci95"] is None:
            return text
        return f"{text} [{found['ci95'][0] * scale:.{digits}f}, {found['ci95'][1] * scale:.{digits}f}]"

    def pairs(self, engine, base, settings, metric, scale):
        ours = {row["seed"]: float(row[metric]) * scale for row in self.cells[(engine, *settings)][1]}
        theirs = {row["seed"]: float(row[metric]) * scale for row in self.cells[(base, *settings)][1]}
        return [(ours[seed], theirs[seed]) for seed in ours]

    def cut(self, engine, base, settings, metric="mean_ttft_ms"):
        """(percent, half width, cuts of the single runs)"""
        pairs = self.pairs(engine, base, settings, metric, 1)
        theirs = sum(b for _, b in pairs)
        ratio = sum(a for a, _ in pairs) / theirs
        width = half_width([(a - ratio * b) / (theirs / len(pairs)) for a, b in pairs])
        return 100 * (1 - ratio), 100 * width, [100 * (1 - a / b) for a, b in pairs]

    def points(self, engine, base, settings):
        """(percentage points of attainment, half width, those of the single runs)"""
        gains = [a - b for a, b in self.pairs(engine, base, settings, "slo_attainment", 100)]
        mean = statistics.mean(gains)
        return mean, half_width([gain - mean for gain in gains]), gains


def microseconds_a_token(sweep, key, stages):
    """(to load, to compute) a token, over all runs of a cell: of `stages` and of the prefill."""
    load = compute = loaded = computed = 0
    for row in sweep.cells[key][1]:
        value = {name: float(row[name]) for name in (
            "completed", "duration", "total_token_throughput", "output_throughput",
            "prefix_cache_hit_ratio", "compute_ms", *stages)}
        prompts = (value["total_token_throughput"] - value["output_throughput"]) * value["duration"]
        loaded += value["prefix_cache_hit_ratio"] * prompts
        computed += (1 - value["prefix_cache_hit_ratio"]) * prompts
        load += 1e3 * value["completed"] * sum(value[stage] for stage in stages)
        compute += 1e3 * value["completed"] * value["compute_ms"]
    return load / loaded, compute / computed


def seconds(sweep, key):
    return sweep.with_interval(key, "mean_ttft_ms", 1e-3, 2)


def percent(sweep, key):
    return sweep.with_interval(key, "slo_attainment", 100, 1)


def span(values):
    return f"{min(values):.0f} to {max(values):.0f}"


def gains(sweep, settings, base="vllm_sync"):
    """Cells of a row: the baseline, the cut of calvo_sjf, the points of calvo."""
    cut, cut_width, cuts = sweep.cut("calvo_sjf", base, settings)
    points, points_width, single = sweep.points("calvo", base, settings)
    return [seconds(sweep, (base, *settings)), seconds(sweep, ("calvo_sjf", *settings)),
            f"{cut:.1f} ± {cut_width:.1f}", span(cuts), percent(sweep, (base, *settings)),
            percent(sweep, ("calvo", *settings)), f"{points:+.1f} ± {points_width:.1f}", span(single)]


GAIN_COLUMNS = ["vllm_sync TTFT (s)", "calvo_sjf TTFT (s)", "cut (%)", "single runs",
                "vllm_sync attainment (%)", "calvo attainment (%)", "gain (points)", "single runs"]


def calibration(folder):
    sweep = Sweep(folder, ["base", "model", "nic.bandwidth"])
    rows = []
    for base, model, nic in sweep.settings:
        if nic == "7.1 GB/s":
            rows.append([base, model] + [
                sweep.with_interval((engine, base, model, nic), "request_throughput", 1, 2)
                for engine in sweep.engines])
    return ["workload", "model"] + [f"{engine} (/s)" for engine in sweep.engines], rows


def e2(folder):
    sweep = Sweep(folder, ["base", "model", "arrival.rate"])
    return ["workload", "model"] + GAIN_COLUMNS, [
        [base, model] + gains(sweep, (base, model, rate))
        for base, model, rate in sweep.settings if rate == "1.2 /s"]


def e2_split(folder):
    sweep = Sweep(folder, ["nic.bandwidth", "pcie.bandwidth"])
    return ["network", "PCIe"] + GAIN_COLUMNS, [[*s] + gains(sweep, s) for s in sweep.settings]


def e2_level(folder):
    sweep = Sweep(folder, ["nic.bandwidth"])
    return ["network"] + GAIN_COLUMNS, [[*s] + gains(sweep, s) for s in sweep.settings]


def grid(axes, cell, names=None):
    """A row for each setting, a column for each engine."""
    def table(folder):
        sweep = Sweep(folder, axes)
        columns = [axis.split(".")[-1] if not axis[-1].isdigit() else axis.split(".")[-2]
                   for axis in axes]
        return (names or columns) + sweep.engines, [
            [*s] + [cell(sweep, (engine, *s)) for engine in sweep.engines] for s in sweep.settings]
    return table


def e4(*stages):
    """`stages`: those in which the first engine, which is first come, first served, loads."""
    def table(folder):
        sweep = Sweep(folder, ["synthetic.context", "compute_overhead"])
        fifo = sweep.engines[0]
        rows = []
        for settings in sorted(sweep.settings, key=lambda one: "fixed" in one[0]):
            load, compute = microseconds_a_token(sweep, (fifo, *settings), stages)
            row = ["one" if "fixed" in settings[0] else "differ", f"{load / compute:.2f}",
                   seconds(sweep, (fifo, *settings))]
            for engine in sweep.engines[1:]:
                cut, width, _ = sweep.cut(engine, fifo, settings)
                row.append(f"{-cut:+.1f} ± {width:.1f}")
            rows.append(row)
        return ["lengths", "load/compute", f"{fifo} TTFT (s)"] + [f"{e} (%)" for e in sweep.engines[1:]], rows
    return table


def e5(folder):
    sweep = Sweep(folder, ["hit_fractions", "arrival.rate"])
    engines = [engine for engine in sweep.engines if engine.startswith("calvo")]
    rows = []
    for settings in sweep.settings:
        points, width, single = sweep.points("calvo", "calvo+order=edf", settings)
        serial, serial_width, _ = sweep.points("calvo", "vllm_sync+order=edf", settings)
        far = sum(gain >= 15 for gain in single)
        rows.append([*settings] + [f"{100 * sweep.mean((e, *settings), 'slo_attainment'):.1f}"
                                   for e in engines] +
                    [f"{points:+.1f} ± {width:.1f}", span(single), f"{far} of {len(single)}",
                     f"{serial:+.1f} ± {serial_width:.1f}"])
    return (["hit ratios", "rate"] + [f"{engine} (%)" for engine in engines] +
            ["calvo less EDF", "single runs", "of +15 or more", "calvo less EDF on vllm_sync"], rows)


def e7(folder):
    sweep = Sweep(folder, ["name", "nic.bandwidth"])
    rows = []
    for settings in sweep.settings:
        line = float(settings[1].split()[0]) / 0.12375
        rows.append([settings[0], f"{line:.0f}"] + gains(sweep, settings)[:3] + gains(sweep, settings)[4:7])
    return ["limit", "line (Gbit/s)"] + [c for c in GAIN_COLUMNS if c != "single runs"], rows


def e7_curve(folder):
    sweep = Sweep(folder, ["name", "block_tokens"])
    links = list(dict.fromkeys(link for link, _ in sweep.settings))
    rows = []
    for block in dict.fromkeys(block for _, block in sweep.settings):
        row = [block]
        for link in links:
            key = ("vllm_sync", link, block)
            gigabytes = 28672 // int(block) * int(block) * 131072 / 1e9
            row += [f"{gigabytes / (sweep.mean(key, stage) / 1e3):.1f}"
                    for stage in ("network_ms", "pcie_ms")]
            row.append(f"{sweep.mean(('calvo_fifo', link, block), 'mean_ttft_ms'):.0f}")
        rows.append(row)
    return ["block"] + [f"{name}: {what}" for name in links
                        for what in ("network (GB/s)", "PCIe (GB/s)", "CALVO TTFT (ms)")], rows


def e8_block(folder):
    sweep = Sweep(folder, ["name", "block_tokens"])
    return ["cost", "block"] + [f"{e} TTFT (s)" for e in sweep.engines], [
        [cost, block] +
        [seconds(sweep, (engine, cost, block)) for engine in sweep.engines]
        for cost, block in sweep.settings]


TABLES = {
    "calibration": calibration,
    "e2": e2,
    "e2_split": e2_split,
    "e2_level": e2_level,
    "e3": grid(["factor.0"], percent, ["factor"]),
    "e3_mix": grid(["ttft.factor"], percent, ["factors"]),
    "e4": e4("network_ms"),
    "e4_serial": e4("network_ms", "pcie_ms"),
    "e5": e5,
    "e6": grid(["model", "hit_fractions.0"], seconds, ["model", "hit ratio"]),
    "e7": e7,
    "e7_curve": e7_curve,
    "e8_block": e8_block,
    "e8_window": grid(["window.operations", "window.bytes"], percent, ["runs", "bytes of each"]),
    "e8_memory": grid(["memory.gpu"], percent, ["GPU memory for KV"]),
    "e8_pool": grid(["memory.remote"], percent, ["pool"]),
}


def markdown(columns, rows):
    lines = [columns, ["---"] * len(columns)] + rows
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--update"]
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__.strip())
    folder, names = pathlib.Path(arguments[0]), arguments[1:] or list(TABLES)
    text = PAGE.read_text() if PAGE.exists() else ""
    for name in names:
        table = markdown(*TABLES[name](folder / name))
        if "--update" not in sys.argv:
            print(f"{name}\n{table}")
            continue
        start, end = f"<!-- table {name} -->\n", "<!-- end -->"
        if start not in text:
            sys.exit(f"{PAGE}: no place for the table of {name}")
        head, tail = text.split(start, 1)
        text = head + start + table + end + tail.split(end, 1)[1]
    if "--update" in sys.argv:
        PAGE.write_text(text)


main()

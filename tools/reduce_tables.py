#!/usr/bin/env python3
"""Reduces measured kernel tables to what the model catalogue needs.

    tools/reduce_tables.py SOURCE [--models scenarios/catalogue/models.yaml] [--out data/hardware]

SOURCE holds the long CSV tables of NVIDIA's aiconfigurator, one file a GPU and kernel, named
GPU_sxm_KERNEL.csv.gz (data/hardware/README.md says where they come from). Of these it keeps bf16,
the GEMM shapes around those of the catalogue's models at tensor parallelism 1, 2, 4 and 8, and
their attention heads (the nearest measured ones where a shape was not measured). It writes wide
tables, GPU_KERNEL.csv.gz: the key columns, then one column for each value of the last axis, times
in microseconds, an empty cell where nothing was measured. Same input, same bytes.
"""

import argparse
import bisect
import csv
import gzip
import io
import math
import pathlib
import re
import sys

PARALLEL = (1, 2, 4, 8)
GPUS = {"h100": "h100_sxm", "h200": "h200_sxm", "b200": "b200_sxm"}


def read_models(path):
    """The catalogue is one mapping a model, one `key: number` a line; the rest is not needed."""
    models = []
    for line in path.read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9].*):\s*$", line):
            models.append({"name": match[1]})
        elif match := re.match(r"  (\w+): (\d+)\s*$", line):
            models[-1][match[1]] = int(match[2])
    return models


def rows_of(path):
    with gzip.open(path, "rt", newline="") as text:
        yield from csv.DictReader(text)


def gemm_shapes(model, parallel):
    """(n, k) of every GEMM of a layer and of the vocabulary's, on one GPU of `parallel`."""
    get = lambda key: model.get(key, 0)
    hidden, shapes = get("hidden"), []
    if get("mla_kv_lora") == 0:
        q = get("q_heads") // parallel * get("head_dim")
        kv = max(1, get("kv_heads") // parallel) * get("head_dim")
        shapes += [(q + 2 * kv, hidden), (hidden, q)]
    if get("dense_layers"):
        shapes += [(2 * get("dense_ffn") // parallel, hidden), (hidden, get("dense_ffn") // parallel)]
    if get("shared_experts"):
        width = get("shared_experts") * get("moe_ffn") // parallel
        shapes += [(2 * width, hidden), (hidden, width)]
    shapes.append((get("vocab") // parallel, hidden))
    return shapes


def around(grid, value):
    """The grid points between which `value` lies; the last one where it lies beyond."""
    at = bisect.bisect_left(grid, value)
    if at == len(grid):
        return grid[-1:]
    return grid[at : at + 1] if grid[at] == value or at == 0 else grid[at - 1 : at + 1]


def write(path, keys, axis, table):
    """table: {key tuple: {axis value: milliseconds}}"""
    columns = sorted({x for row in table.values() for x in row})
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow([*keys, *columns])
    for key in sorted(table):
        cells = (table[key].get(x) for x in columns)
        out.writerow([*key, *("" if c is None else f"{c * 1000:.5g}" for c in cells)])
    data = gzip.compress(text.getvalue().encode(), 9, mtime=0)
    path.write_bytes(data)
    print(f"{path}: {len(table)} rows by {len(columns)} values of {axis}, {len(data)} bytes")


def reduce_gemm(source, out, models):
    table, ns = {}, set()
    for row in rows_of(source):
        m = int(row["m"])
        # Beyond 256 the table repeats each size plus one, which only shows a tile's edge.
        if row["dtype"] != "bfloat16" or (m > 256 and m % 2):
            continue
        key = (int(row["n"]), int(row["k"]))
        ns.add(key[0])
        table.setdefault(key, {})[m] = float(row["latency_ms"])
    grid, keep = sorted(ns), set()
    for model in models:
        for parallel in PARALLEL:
            for n, k in gemm_shapes(model, parallel):
                keep |= {(a, b) for a in around(grid, n) for b in around(grid, k)}
    # The grid lacks its largest corner; its neighbours stand in for it.
    for n, k in [shape for shape in keep if shape not in table]:
        keep |= {(grid[grid.index(n) - 1], k), (n, grid[grid.index(k) - 1])}
    write(out, ("n", "k"), "m", {key: row for key, row in table.items() if key in keep})


def reduce_attention(source, out, models, axis):
    table = {}
    for row in rows_of(source):
        if row["attn_dtype"] != "bfloat16" or row["kv_cache_dtype"] != "bfloat16":
            continue
        key = tuple(int(row[c]) for c in ("q_heads", "kv_heads", "head_dim", "window_size"))
        key += (int(row["batch_size"]),)
        table.setdefault(key, {})[int(row[axis])] = float(row["latency_ms"])
    heads = {key[:4] for key in table}
    keep = set()
    for model in models:
        if model.get("mla_kv_lora"):
            continue
        for parallel in PARALLEL:
            q, kv = model["q_heads"] // parallel, max(1, model["kv_heads"] // parallel)
            for window in {0, model.get("window", 0)}:
                same = [h for h in heads if h[2] == model["head_dim"] and h[3] == window]
                distance = lambda h: abs(math.log(h[0] / q)) + 2 * abs(math.log(h[1] / kv))
                keep.add(min(sorted(same), key=distance))
    write(out, ("q_heads", "kv_heads", "head_dim", "window", "batch"), axis,
          {key: row for key, row in table.items() if key[:4] in keep})


def reduce_moe(source, out, models):
    table = {}
    wanted = {(m["hidden"], m["moe_ffn"], m["top_k"], m["experts"]) for m in models if m.get("experts")}
    for row in rows_of(source):
        if row["dtype"] != "bfloat16" or row["distribution"] != "power_law_1.2":
            continue
        shape = tuple(int(row[c]) for c in ("hidden_size", "inter_size", "topk", "num_experts"))
        if row["moe_ep_size"] != "1" or int(row["moe_tp_size"]) not in PARALLEL or shape not in wanted:
            continue
        key = shape + (int(row["moe_tp_size"]),)
        table.setdefault(key, {})[int(row["num_tokens"])] = float(row["latency_ms"])
    write(out, ("hidden", "moe_ffn", "top_k", "experts", "tensor_parallel"), "tokens", table)


def reduce_mla(source, out, models, axis):
    heads = {m["q_heads"] // p for m in models if m.get("mla_kv_lora") for p in PARALLEL}
    table = {}
    for row in rows_of(source):
        if row["kv_cache_dtype"] != "bfloat16" or row["gemm_type"] != "bfloat16":
            continue
        if int(row["local_heads"]) not in heads:
            continue
        cells = table.setdefault((int(row["local_heads"]), int(row["batch_size"])), {})
        time = float(row["latency_ms"])  # of the kernels measured at a point an engine takes the best
        cells[int(row[axis])] = min(time, cells.get(int(row[axis]), time))
    write(out, ("local_heads", "batch"), axis, table)


def reduce_allreduce(source, out, gpu):
    table = {}
    for row in rows_of(source):
        if row["gpu"] == gpu and row["kernel_source"] == "vLLM_custom_graph":
            table.setdefault((int(row["num_gpus"]),), {})[int(row["message_elems"])] = float(
                row["latency_ms"])
    write(out, ("gpus",), "elements", table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=pathlib.Path)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--models", type=pathlib.Path, default=root / "scenarios/catalogue/models.yaml")
    parser.add_argument("--out", type=pathlib.Path, default=root / "data/hardware")
    args = parser.parse_args()
    models = read_models(args.models)
    for name, gpu in GPUS.items():
        source = lambda kernel: args.source / f"{gpu}_{kernel}.csv.gz"
        out = lambda kernel: args.out / f"{name}_{kernel}.csv.gz"
        reduce_gemm(source("gemm"), out("gemm"), models)
        reduce_attention(source("context_attention"), out("context_attention"), models, "isl")
        reduce_attention(source("generation_attention"), out("generation_attention"), models, "kv_len")
        reduce_moe(source("moe"), out("moe"), models)
        reduce_mla(source("mla_context_module"), out("mla_context"), models, "isl")
        reduce_mla(source("mla_generation_module"), out("mla_generation"), models, "step")
        reduce_allreduce(args.source / "custom_allreduce.csv.gz", out("allreduce"), gpu)
    return 0


if __name__ == "__main__":
    sys.exit(main())

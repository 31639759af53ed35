#!/usr/bin/env python3
"""Reduces a profile of mixed attention batches to prompts over a cached prefix, and lone decodes.

    tools/reduce_prefix_profile.py RTXPRO6000_Llama-3.1-8B_bf16_tp1_attention.csv.gz [OUT]

Input: prefill_chunk, kv_prefill, n_decode, kv_decode, time_us of one layer, from LLMServingSim
(data/hardware/README.md). Output: new_tokens, context, microseconds; a lone decode is one new token
over its cache. Same input, same bytes.
"""

import csv
import gzip
import pathlib
import sys


def main():
    source = pathlib.Path(sys.argv[1])
    root = pathlib.Path(__file__).resolve().parent.parent
    default = root / "data/hardware/rtxpro6000_attention_prefix.csv"
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else default
    rows = []
    with gzip.open(source, "rt", newline="") as text:
        for row in csv.DictReader(text):
            chunk, context = int(row["prefill_chunk"]), int(row["kv_prefill"])
            decodes = int(row["n_decode"])
            if chunk > 0 and decodes == 0:
                rows.append((chunk, context, row["time_us"]))
            elif chunk == 0 and decodes == 1:
                rows.append((1, int(row["kv_decode"]), row["time_us"]))
    rows.sort(key=lambda row: row[:2])
    lines = ["new_tokens,context,microseconds", *(f"{n},{c},{t}" for n, c, t in rows)]
    out.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

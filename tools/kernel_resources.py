#!/usr/bin/env python3
"""Prints what each GPU kernel takes of a multiprocessor of compute capability 9.0, as a table:
registers, shared memory and spills as the compiler reports them, and how many warps fit by that.

kernel_resources.py            needs nvcc and g++, no GPU
kernel_resources.py --update   writes the table into docs/gpu_kernels.md
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
DOC = ROOT / "docs/gpu_kernels.md"
BEGIN, END = "<!-- kernel_resources -->\n", "<!-- end -->"

# Launch shapes are C++: rows of a model with 8 billion parameters where they depend on arguments.
SHAPES = r"""
#include <cstdio>
#include "kernels/gpu/decode_attention.cuh"
#include "kernels/gpu/elementwise.cuh"
#include "kernels/gpu/kv_copy.cuh"
#include "kernels/gpu/lse_merge.cuh"
#include "kernels/gpu/prefill_attention.cuh"
#include "kernels/gpu/rope.cuh"
#include "kernels/gpu/sm_copy.cuh"
#include "kernels/gpu/weight_fill.cuh"
using namespace calvo::kernels::gpu;
int main() {
  const auto line = [](const char* name, simt::LaunchShape shape) {
    std::printf("%s %d %d\n", name, shape.threads, shape.shared_bytes);
  };
  line("prefill_attention_kernel<64>", {0, PrefillSizes<64>::threads, PrefillSizes<64>::shared_bytes});
  line("prefill_attention_kernel<128>", {0, PrefillSizes<128>::threads, PrefillSizes<128>::shared_bytes});
  line("decode_attention_kernel<64>", {0, DecodeSizes<64>::threads, DecodeSizes<64>::shared_bytes});
  line("decode_attention_kernel<128>", {0, DecodeSizes<128>::threads, DecodeSizes<128>::shared_bytes});
  line("decode_merge_kernel<64>", {0, merge_threads, 0});
  line("decode_merge_kernel<128>", {0, merge_threads, 0});
  line("lse_merge_kernel", {0, lse_merge_threads, 0});
  line("kv_copy_kernel", {0, kv_copy_threads, 0});
  line("sm_copy_kernel", {0, sm_copy_threads, 0});
  line("embedding_kernel", embedding_shape({}));
  line("rms_norm_kernel", rms_norm_shape({.width = 4096}));
  line("swiglu_kernel", {0, swiglu_threads, 0});
  line("argmax_kernel", argmax_shape({}));
  line("rope_table_kernel", {0, rope_threads, 0});
  line("rope_kv_write_kernel", {0, rope_threads, 0});
  line("fill_matrix_kernel", {0, fill_threads, 0});
  line("fill_vector_kernel", {0, fill_threads, 0});
}
"""


def run(command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode != 0:
        sys.exit(done.stdout)
    return done.stdout


def shapes(scratch):
    source = scratch / "shapes.cpp"
    source.write_text(SHAPES)
    run(["g++", "-std=c++20", "-O1", "-I.", str(source), "-o", str(scratch / "shapes")])
    lines = run([str(scratch / "shapes")]).split("\n")
    return {name: (int(threads), int(shared))
            for name, threads, shared in (line.split() for line in lines if line)}


def name_of(mangled):
    """prefill_attention_kernel<128> from an nvcc name such as
    _ZN5calvo7kernels3gpu53_GLOBAL__N__131e1075_20_prefill_attention_cu_729df33324prefill_...ILi128EEE..."""
    plain = re.search(r"(?:[0-9a-f]{8})(\d\d)([a-z]\w+_kernel)(?:I(.*?)EE)?", mangled)
    name = plain[2]
    assert len(name) == int(plain[1]), mangled
    arguments = re.findall(r"L[bi](\d+)", plain[3] or "")
    return name + (f"<{', '.join(arguments)}>" if arguments else "")


def compiled(scratch):
    """(name, registers, static shared bytes, spilled bytes) of each kernel."""
    for source in sorted((ROOT / "kernels/gpu").glob("*.cu")):
        log = run(["nvcc", "-std=c++20", "--expt-relaxed-constexpr", "-O3", "-arch=sm_90", "-I.",
                   "-Xptxas", "-v", "-cubin", "-o", str(scratch / "kernel.cubin"), str(source)])
        for mangled, body in re.findall(r"entry function '(\w+)'(.*?)(?=Compiling entry|\Z)", log,
                                        re.S):
            shared = re.search(r"(\d+) bytes smem", body)
            yield (name_of(mangled), int(re.search(r"Used (\d+) registers", body)[1]),
                   int(shared[1]) if shared else 0,
                   sum(int(n) for n in re.findall(r"(\d+) bytes spill", body)))


def warps_that_fit(registers, threads, shared):
    """Compute capability 9.0: 64 Ki registers, given out 256 to a warp; 227 KiB for blocks and 1 KiB
    more for each; 64 warps, 32 blocks."""
    warps = threads // 32
    by_registers = 65536 // (-(-registers * 32 // 256) * 256) // warps
    by_shared = 228 * 1024 // (shared + 1024)
    return min(by_registers, by_shared, 32, 64 // warps) * warps


def table():
    rows = ["| Kernel | Threads | Registers | Shared memory | Spills | Warps of 64 that fit |",
            "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        known = shapes(pathlib.Path(name))
        for kernel, registers, static, spills in sorted(compiled(pathlib.Path(name))):
            shape = known.get(kernel) or known.get(kernel.split("<")[0])
            if shape is None:
                continue  # for benchmarks
            threads, shared = shape[0], shape[1] + static
            fit = warps_that_fit(registers, threads, shared)
            rows.append(f"| `{kernel}` | {threads} | {registers} | {shared:,} B | {spills} B | {fit} |")
    return "\n".join(rows) + "\n"


def main():
    text = table()
    if sys.argv[1:] == ["--update"]:
        before, rest = DOC.read_text().split(BEGIN)
        DOC.write_text(before + BEGIN + text + END + rest.split(END)[1])
    else:
        print(text, end="")


main()

#!/usr/bin/env python3
"""Prints what each GPU kernel takes of a multiprocessor of compute capability 9.0, as two tables:
registers, shared and local memory as the compiler reports them, and how many warps fit by that; and
how many machine instructions of which kind it has.

kernel_resources.py            needs nvcc and g++, no GPU and no disassembler
kernel_resources.py --update   writes the tables into docs/gpu_kernels.md

Machine code is read from the compiler's cubin. Which opcode an instruction has is found by compiling
kernels that have each instruction a known number of times.
"""
import collections
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
DOC = ROOT / "docs/gpu_kernels.md"
END = "<!-- end -->"
NVCC = ["nvcc", "-std=c++20", "--expt-relaxed-constexpr", "-O3", "-arch=sm_90", "-I.", "-Xptxas", "-v",
        "-cubin"]

# What a probe does PROBED times, with r and f registers, s and g addresses; by instruction.
PROBED = 13
PROBES = {
    "nothing": "",
    "HMMA": "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {f0, f1, f2, f3}, {r0, r1, r2, r3}, "
            "{r4, r5}, {f0, f1, f2, f3};",
    "LDSM": "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {s, r1, r2, r3}, [s];",
    "LDGSTS": "cp.async.cg.shared.global [s], [g], 16;",
    "LDG.128": "ld.volatile.global.v2.u64 {g, h}, [g];",
    "STG.128": "st.volatile.global.v4.u32 [g], {r0, r1, r2, r3};",
    "MUFU": "ex2.approx.ftz.f32 f0, f0;",
    "BAR": "bar.sync 0;",
}
COLUMNS = {  # title: instruction, whether only of its width
    "`mma.sync`": ("HMMA", False), "`ldmatrix`": ("LDSM", False), "`cp.async`": ("LDGSTS", False),
    "Loads": ("LDG.128", False), "of 16 B": ("LDG.128", True), "Stores": ("STG.128", False),
    "of 16 B ": ("STG.128", True), "Special functions": ("MUFU", False), "Barriers": ("BAR", False)}

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


def machine_code(cubin):
    """(section, code) of each function in an ELF file of 64 bits."""
    data = cubin.read_bytes()
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
    for name, _, _, _, offset, length in headers:
        at = headers[names][4] + name
        section = data[at:data.index(b"\0", at)].decode()
        if section.startswith(".text."):
            yield section[len(".text."):], data[offset:offset + length]


def operations(code):
    """How often each (opcode, width) is in it. An instruction of compute capability 7.0 to 9.0 has 16
    bytes; bits 0 to 8 are its opcode, bits 73 to 75 the width of an access to memory."""
    found = collections.Counter()
    for low, high in struct.iter_unpack("<QQ", code):
        found[low & 0x1ff, high >> 9 & 7] += 1
    return found


def instructions(scratch):
    """The (opcode, width) of each instruction that a probe has and the one of nothing has not."""
    kernels = []
    for i, asm in enumerate(PROBES.values()):
        once = "\n".join([asm] * PROBED)
        kernels.append(f'''
extern "C" __global__ void probe_{i}(unsigned long long at, unsigned* out, float f) {{
  unsigned x = out[threadIdx.x];
  asm volatile(R"({{.reg .b32 r<6>; .reg .u32 s; .reg .u64 g, h; .reg .f32 f<4>;
    .shared .align 16 .b8 shared[512];
    mov.u32 s, shared; mov.u64 g, %2; mov.u32 r0, %0; mov.u32 r1, %0; mov.u32 r2, %0; mov.u32 r3, %0;
    mov.u32 r4, %0; mov.u32 r5, %0; mov.f32 f0, %1; mov.f32 f1, %1; mov.f32 f2, %1; mov.f32 f3, %1;
    {once}
    cvt.u32.u64 r1, g; xor.b32 %0, r1, r3; mov.f32 %1, f0;}})" : "+r"(x), "+f"(f) : "l"(at) : "memory");
  out[threadIdx.x] = x + static_cast<unsigned>(f);
}}''')
    (scratch / "probes.cu").write_text("\n".join(kernels))
    run([*NVCC, "-o", str(scratch / "probes.cubin"), str(scratch / "probes.cu")])
    codes = dict(machine_code(scratch / "probes.cubin"))
    found = [operations(codes[f"probe_{i}"]) for i in range(len(PROBES))]
    result = {}
    for name, operation in zip(list(PROBES)[1:], found[1:]):
        (result[name],) = [one for one, count in operation.items()
                           if count == PROBED and one not in found[0]]
    return result


def compiled(scratch):
    """(name, registers, static shared bytes, bytes of local memory, machine code) of each kernel."""
    for source in sorted((ROOT / "kernels/gpu").glob("*.cu")):
        log = run([*NVCC, "-o", str(scratch / "kernel.cubin"), str(source)])
        code = dict(machine_code(scratch / "kernel.cubin"))
        for mangled, body in re.findall(r"entry function '(\w+)'(.*?)(?=Compiling entry|\Z)", log,
                                        re.S):
            shared = re.search(r"(\d+) bytes smem", body)
            yield (name_of(mangled), int(re.search(r"Used (\d+) registers", body)[1]),
                   int(shared[1]) if shared else 0,
                   int(re.search(r"(\d+) bytes stack frame", body)[1]), code[mangled])


def warps_that_fit(registers, threads, shared):
    """Compute capability 9.0: 64 Ki registers, given out 256 to a warp; 227 KiB for blocks and 1 KiB
    more for each; 64 warps, 32 blocks."""
    warps = threads // 32
    by_registers = 65536 // (-(-registers * 32 // 256) * 256) // warps
    by_shared = 228 * 1024 // (shared + 1024)
    return min(by_registers, by_shared, 32, 64 // warps) * warps


def tables():
    resources = ["| Kernel | Threads | Registers | Shared memory | Local memory | Warps of 64 that fit |",
                 "|---|---|---|---|---|---|"]
    counts = ["| Kernel | Instructions | " + " | ".join(title.strip() for title in COLUMNS) + " |",
              "|---" * (len(COLUMNS) + 2) + "|"]
    with tempfile.TemporaryDirectory() as name:
        known = shapes(pathlib.Path(name))
        meant = instructions(pathlib.Path(name))
        for kernel, registers, static, local, code in sorted(compiled(pathlib.Path(name))):
            shape = known.get(kernel) or known.get(kernel.split("<")[0])
            if shape is None:
                continue  # for benchmarks
            threads, shared = shape[0], shape[1] + static
            fit = warps_that_fit(registers, threads, shared)
            resources.append(f"| `{kernel}` | {threads} | {registers} | {shared:,} B | {local} B | {fit} |")
            found = operations(code)
            numbers = [found[meant[one]] if exactly else
                       sum(count for (opcode, _), count in found.items() if opcode == meant[one][0])
                       for one, exactly in COLUMNS.values()]
            counts.append(f"| `{kernel}` | {found.total():,} | " + " | ".join(map(str, numbers)) + " |")
    return {"kernel_resources": resources, "kernel_instructions": counts}


def main():
    for name, rows in tables().items():
        text = "\n".join(rows) + "\n"
        if sys.argv[1:] == ["--update"]:
            begin = f"<!-- {name} -->\n"
            before, rest = DOC.read_text().split(begin)
            DOC.write_text(before + begin + text + END + rest.split(END, 1)[1])
        else:
            print(text)


main()

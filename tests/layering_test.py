"""Holds every #include to the layers that CMakeLists.txt lists.

A folder may include the folders that its target depends on, directly or through others. Beyond
that: SimGrid is included by sim/ only, CUDA by kernels/gpu/ and realrun/devices/ only, ibverbs and
libfabric by realrun/fabrics/ only; and control/ and policies/ use no clock, thread, file, stream or
random number, because the same events must always give the same commands.

First the checker is tried on trees that break each rule, so that it cannot pass by seeing nothing.
"""
import pathlib
import re
import sys
import tempfile

SOURCES = {".hpp", ".cpp", ".cu", ".cuh"}

# header prefix -> folders that may include it
RESERVED = {
    r"(simgrid|xbt)/|xbt\.h": ["sim"],
    r"(cuda|cublas|cudnn|nccl|nvml|nvtx|mma\.h|cub/)": ["kernels/gpu", "realrun/devices"],
    r"infiniband/|rdma/(rdma|fi)_": ["realrun/fabrics"],
    r"prometheus/": ["realrun/node", "realrun/engine"],
    r"CLI/": ["cli"],
}
# What the pure layer may neither include nor call.
PURE = ["control", "policies"]
IMPURE_HEADER = re.compile(
    r"(thread|mutex|shared_mutex|condition_variable|future|atomic|random|fstream|iostream|ctime"
    r"|time\.h|cstdlib|filesystem|unistd\.h|sys/.*|spdlog/.*)$")
IMPURE_USE = re.compile(
    r"\b(system_clock|steady_clock|high_resolution_clock|std::rand|std::getenv|std::thread"
    r"|random_device|std::cout|std::cerr|std::fopen|gettimeofday|clock_gettime)\b")

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]')
STRING_OR_COMMENT = re.compile(r'"(\\.|[^"\\])*"|//.*')


def layers(cmake):
    """Folder -> folders that it may include, from the calvo_library() and `calvo` lines."""
    allowed = {}
    libraries = re.findall(r"^calvo_library\(([\w/]+)(.*?)\)", cmake, re.M | re.S)
    folder_of = {name.replace("/", "_"): name for name, _ in libraries}
    for name, body in libraries:
        direct = [folder_of.get(target, target) for target in re.findall(r"calvo::(\w+)", body)]
        unknown = [other for other in direct if other not in allowed]
        if unknown:
            raise SystemExit(f"{name} depends on {unknown[0]}, which is listed below it")
        allowed[name] = {name, *direct, *(far for near in direct for far in allowed[near])}
    program = re.search(r"^target_link_libraries\(calvo PRIVATE(.*?)\)", cmake, re.M | re.S)
    if program:
        direct = [folder_of.get(target, target) for target in re.findall(r"calvo::(\w+)", program[1])]
        allowed["cli"] = {"cli", *direct, *(far for near in direct for far in allowed[near])}
    return allowed


def faults_of_line(folder, path, line, allowed):
    header = INCLUDE.match(line)
    if header:
        name = header[1]
        other = name.rpartition("/")[0]
        if other in allowed and other not in allowed[folder]:
            yield f"{folder}/ may not include {other}/"
        for prefix, homes in RESERVED.items():
            if re.match(prefix, name) and not any(path.startswith(home + "/") for home in homes):
                yield f"<{name}> belongs to {' and '.join(home + '/' for home in homes)} only"
        if folder in PURE and IMPURE_HEADER.match(name):
            yield f"<{name}> has no place in the pure layer"
    elif folder in PURE:
        use = IMPURE_USE.search(STRING_OR_COMMENT.sub("", line))
        if use:
            yield f"{use[1]} has no place in the pure layer"


def check(root):
    """Returns (faults, number of files seen)."""
    allowed = layers((root / "CMakeLists.txt").read_text())
    faults = []
    seen = 0
    for folder in allowed:
        for file in sorted((root / folder).rglob("*")):
            path = file.relative_to(root).as_posix()
            inner = any(path.startswith(other + "/") for other in allowed
                        if other.startswith(folder + "/"))
            if file.suffix not in SOURCES or inner:
                continue
            seen += 1
            for number, line in enumerate(file.read_text().splitlines(), 1):
                faults += [f"{path}:{number}: {fault}"
                           for fault in faults_of_line(folder, path, line, allowed)]
    return faults, seen


def self_test():
    """Each broken tree must give exactly its fault, and the sound one none."""
    cmake = ("calvo_library(core DEPENDS fmt::fmt)\n"
             "calvo_library(policies DEPENDS calvo::core)\n"
             "calvo_library(control DEPENDS calvo::policies)\n"
             "calvo_library(sim DEPENDS calvo::control)\n"
             "calvo_library(run/wire DEPENDS calvo::core)\n"
             "calvo_library(run/engine DEPENDS calvo::run_wire)\n"
             "calvo_library(kernels DEPENDS calvo::core)\n"
             "calvo_library(kernels/gpu DEPENDS calvo::kernels)\n"
             "target_link_libraries(calvo PRIVATE calvo::sim)\n")
    cases = [
        ("control/a.hpp", '#include "core/x.hpp"\n#include <vector>', None),
        ("sim/a.cpp", "#include <simgrid/s4u.hpp>", None),
        ("cli/a.cpp", '#include "core/x.hpp"', None),
        ("control/a.cpp", "// steady_clock is not used here", None),
        ("run/engine/a.cpp", '#include "run/wire/x.hpp"', None),
        ("run/wire/a.cpp", '#include "run/engine/x.hpp"', "run/wire/ may not include run/engine/"),
        ("core/a.hpp", '#include "control/x.hpp"', "core/ may not include control/"),
        ("policies/a.hpp", '#include "control/x.hpp"', "policies/ may not include control/"),
        ("control/a.cpp", "#include <simgrid/s4u.hpp>", "belongs to sim/ only"),
        ("sim/a.cpp", "#include <cuda_runtime.h>", "belongs to kernels/gpu/ and realrun/devices/ only"),
        ("kernels/a.cpp", "#include <cuda_runtime.h>",
         "belongs to kernels/gpu/ and realrun/devices/ only"),
        ("kernels/a.cpp", '#include "kernels/gpu/x.hpp"', "kernels/ may not include kernels/gpu/"),
        ("kernels/gpu/a.cu", '#include <cuda_runtime.h>\n#include "kernels/x.hpp"', None),
        ("control/a.cpp", "#include <thread>", "<thread> has no place"),
        ("policies/a.cpp", "  # include <random>", "<random> has no place"),
        ("control/a.cpp", "auto t = std::chrono::steady_clock::now();", "steady_clock has no place"),
    ]
    for path, text, expected in cases:
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / "CMakeLists.txt").write_text(cmake)
            file = root / path
            file.parent.mkdir(parents=True)
            file.write_text(text + "\n")
            faults, seen = check(root)
            good = seen == 1 and (not faults if expected is None
                                  else len(faults) == 1 and expected in faults[0])
            if not good:
                raise SystemExit(f"the checker itself is wrong about {path}: {text!r}: {faults}")
    return len(cases)


def main():
    tried = self_test()
    faults, seen = check(pathlib.Path(__file__).parent.parent)
    print("\n".join(faults) or f"{seen} files keep their layers ({tried} self-tests)")
    sys.exit(bool(faults) or seen == 0)


main()

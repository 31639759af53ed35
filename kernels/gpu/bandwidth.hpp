// What benchmarks measure kernels against, and with.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/units.hpp"
#include "kernels/gpu/stream.hpp"

namespace calvo::kernels::gpu {

/// Copies by 16 bytes a thread, streamed: the bound of kernels that read and write.
/// Requires: 16-byte aligned, size a multiple of 16 bytes, no overlap.
void stream_copy(const std::byte* from, std::byte* to, Bytes size, Stream stream);

/// Reads everything and keeps one number: the bound of kernels that only read.
/// Requires: 16-byte aligned, size a multiple of 16 bytes; `sink` is device memory for one number,
/// added to.
void stream_read(const std::byte* from, Bytes size, std::uint64_t* sink, Stream stream);

/// Holds `stream` until *open is not 0, so that what is queued behind it starts without the host's
/// gaps; at most `limit`, so that a host that died does not hold the device.
/// Requires: `open` is pinned host memory.
void hold_stream(const std::uint32_t* open, Nanoseconds limit, Stream stream);

}  // namespace calvo::kernels::gpu

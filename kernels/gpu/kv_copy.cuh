#pragma once

#include "core/random.hpp"
#include "kernels/gpu/kv_copy.hpp"
#include "kernels/gpu/simt.hpp"

namespace calvo::kernels::gpu {

inline constexpr int kv_copy_threads = 256;
inline constexpr int kv_copy_unroll = 4;
/// Words that one thread block copies: 64 KiB of one page.
inline constexpr std::int64_t kv_copy_chunk = 4 * kv_copy_threads * kv_copy_unroll;

constexpr std::int64_t kv_copy_chunks(const KvCopy& args) {
  const std::int64_t words = args.range.size.count() / 16;
  return (words + kv_copy_chunk - 1) / kv_copy_chunk;
}
constexpr simt::LaunchShape kv_copy_shape(const KvCopy& args) {
  return {args.blocks * kv_copy_chunks(args), kv_copy_threads, 0};
}

/// The 8 bytes in two halves of a word, as copy_checksum() takes them: `index` counts 8 bytes.
CALVO_DEVICE std::uint64_t mixed(std::uint32_t low, std::uint32_t high, std::int64_t index) {
  const std::uint64_t word = low | std::uint64_t{high} << 32;
  return mix_bits(word + static_cast<std::uint64_t>(index + 1) * 0x9e3779b97f4a7c15ULL);
}

/// Thread block b copies chunk b % chunks of block b / chunks.
template <bool to_pages, bool with_checksums>
CALVO_DEVICE void kv_copy_block(const KvCopy& args) {
  const std::int64_t chunks = kv_copy_chunks(args);
  const std::int64_t block = simt::block_index() / chunks;
  const std::int64_t first = simt::block_index() % chunks * kv_copy_chunk;
  const std::int64_t size = args.range.size.count() / 16;
  const std::int64_t end = first + kv_copy_chunk < size ? first + kv_copy_chunk : size;
  auto* page = reinterpret_cast<simt::Word*>(
      args.pool + args.table[block] * args.page_size.count() + args.range.offset.count());
  auto* stage = reinterpret_cast<simt::Word*>(args.staging + block * args.staging_stride.count());
  const simt::Word* from = to_pages ? stage : page;
  simt::Word* to = to_pages ? page : stage;
  std::uint64_t sum = 0;
  for (std::int64_t at = first + simt::thread_index(); at < end;
       at += kv_copy_threads * kv_copy_unroll) {
    simt::Word held[kv_copy_unroll] = {};
    CALVO_UNROLL
    for (int i = 0; i < kv_copy_unroll; ++i) {
      if (at + i * kv_copy_threads < end) {
        held[i] = simt::load_streamed(from + at + i * kv_copy_threads);
      }
    }
    CALVO_UNROLL
    for (int i = 0; i < kv_copy_unroll; ++i) {
      const std::int64_t word = at + i * kv_copy_threads;
      if (word < end) {
        simt::store_streamed(to + word, held[i]);
        if constexpr (with_checksums) {
          sum += mixed(held[i].x, held[i].y, 2 * word);
          sum += mixed(held[i].z, held[i].w, 2 * word + 1);
        }
      }
    }
  }
  if constexpr (with_checksums) {
    CALVO_UNROLL
    for (int lanes = 16; lanes > 0; lanes /= 2) sum += simt::shuffle_xor(sum, lanes);
    if (simt::thread_index() % 32 == 0) simt::add_atomically(args.checksums + block, sum);
  }
}

}  // namespace calvo::kernels::gpu

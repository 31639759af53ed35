#include <cstring>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "kernels/kv_gather.hpp"

namespace calvo::kernels {
namespace {

void expect_valid(const KvCopy& args) {
  CALVO_EXPECT(args.blocks >= 0);
  CALVO_EXPECT(args.block_size.count() % 16 == 0);
}

void sum_up(const KvCopy& args) {
  if (args.checksums == nullptr) return;
  for (std::int64_t i = 0; i < args.blocks; ++i) {
    args.checksums[i] = copy_checksum(args.staging + i * args.block_size.count(), args.block_size);
  }
}

}  // namespace

void kv_gather_reference(const KvCopy& args) {
  expect_valid(args);
  const std::int64_t size = args.block_size.count();
  for (std::int64_t i = 0; i < args.blocks; ++i) {
    std::memcpy(args.staging + i * size, args.pool + args.table[i] * size,
                static_cast<std::size_t>(size));
  }
  sum_up(args);
}

void kv_scatter_reference(const KvCopy& args) {
  expect_valid(args);
  const std::int64_t size = args.block_size.count();
  for (std::int64_t i = 0; i < args.blocks; ++i) {
    std::memcpy(args.pool + args.table[i] * size, args.staging + i * size,
                static_cast<std::size_t>(size));
  }
  sum_up(args);
}

std::uint64_t copy_checksum(const std::byte* data, Bytes size) {
  CALVO_EXPECT(size.count() % 8 == 0);
  std::uint64_t sum = 0;
  std::uint64_t key = 0;
  for (std::int64_t at = 0; at < size.count(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data + at, 8);
    sum += mix_bits(word + (key += 0x9e3779b97f4a7c15ULL));
  }
  return sum;
}

}  // namespace calvo::kernels

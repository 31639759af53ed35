#include "tests/fuzz/session_target.hpp"

#include <algorithm>
#include <cstdint>

#include "control/storage_placement.hpp"
#include "realrun/node/block_pool.hpp"
#include "realrun/node/session.hpp"
#include "realrun/wire/messages.hpp"
#include "tests/fuzz/frames.hpp"

namespace calvo::realrun::fuzz {
namespace {

constexpr BlockFormat format{64};
constexpr std::int64_t capacity = 8;
constexpr std::uint64_t config = 3;

Bytestring block(std::uint64_t name) {
  Bytestring bytes(static_cast<std::size_t>(format.used()));
  seal_block(format, bytes, BlockId{name}, 1, config);
  return bytes;
}

bool is_absent(const BlockPool& pool, BlockRun run) {
  for (std::int32_t i = 0; i < run.count; ++i) {
    if (pool.lookup(behind({run.first, i + 1}, i)) != 0) return false;
  }
  return true;
}

/// Calls of an engine that has the key and is mad. The first byte says whether the pool makes what
/// it has not; two sessions share it, so that one's end is seen in the other.
void session(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  SessionOptions options{config, 1, (std::to_integer<unsigned>(bytes[0]) & 1U) != 0, 4};
  bytes = bytes.subspan(1);
  Bytestring memory(static_cast<std::size_t>(format.stride() * capacity));
  BlockPool pool(format, config, memory, capacity);
  pool.make_synthetic({BlockId{100}, 4}, 1);
  Tally tally;
  {
    Session other(pool, tally, options);
    Session session(pool, tally, options);
    Bytestring answers;
    feed(FrameSource::engine_calls, static_cast<std::uint64_t>(format.used()), bytes,
         [&](const Frame& frame) {
           const bool open = (frame.tag % 2 == 0 ? session : other).take(frame, answers);
           must_hold(pool.stored() <= capacity, "no more than fits");
           return open;
         });
    session.close();
    other.close();
  }
  must_hold(tally.blocks_under_lease == 0, "leases end with their sessions");
  // Nothing is pinned: the whole pool can be had, for blocks that are not in it yet.
  BlockRun fresh{BlockId{0}, capacity};
  while (!is_absent(pool, fresh)) fresh.first = BlockId{raw(fresh.first) + capacity};
  BlockPool::Store all = pool.begin_store(fresh);
  for (std::int32_t i = 0; i < capacity; ++i) must_hold(all.wants(i), "every slot is free again");
  must_hold(pool.commit(std::move(all), capacity) == capacity, "every slot can be filled");
}

std::vector<Bytestring> seeds() {
  const BlockRun run{BlockId{100}, 6};
  std::vector<Bytestring> seeds;
  for (const std::byte first : {std::byte{0}, std::byte{1}}) {
    Bytestring bytes = {first};
    append(bytes, 2, std::span(&run, 1));
    append(bytes, 2, LeaseCall{run});
    append(bytes, 3, LeaseCall{{BlockId{101}, 1}});
    append(bytes, 4, StoreBegin{{BlockId{104}, 2}});
    append(bytes, 4, StoreBlock{0, block(104)});
    append(bytes, 2, ReleaseCall{1});
    append(bytes, 4, StoreBlock{1, block(105)});
    append(bytes, 3, ReleaseCall{1});
    seeds.push_back(bytes);
  }
  return seeds;
}

}  // namespace

std::vector<Target> session_targets() {
  return {{"session", session, seeds}};
}

}  // namespace calvo::realrun::fuzz

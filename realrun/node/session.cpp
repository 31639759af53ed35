#include "realrun/node/session.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/contract.hpp"

namespace calvo::realrun {

bool Session::take(const Frame& frame, Bytestring& out) {
  switch (frame.type) {
    case FrameType::lookup:
      return lookup(frame, out);
    case FrameType::lease:
      return lease(frame, out);
    case FrameType::release:
      return release(frame);
    case FrameType::store_begin:
      return begin_store(frame, out);
    case FrameType::store_block:
      return store_block(frame, out);
    default:
      return false;
  }
}

void Session::count_pool() {
  tally_.blocks_in_pool = static_cast<std::uint64_t>(pool_.stored());
  tally_.evicted_blocks = static_cast<std::uint64_t>(pool_.evictions());
}

bool Session::lookup(const Frame& frame, Bytestring& out) {
  const std::optional<LookupCall> call = decode_lookup(frame.payload);
  if (!call) return false;
  ++tally_.lookups;
  LookupAnswer answer;
  answer.counts.reserve(call->runs.size());
  for (const BlockRun run : call->runs) {
    if (options_.synthetic_on_demand) pool_.make_synthetic(run, options_.model_seed);
    answer.counts.push_back(pool_.lookup(run));
  }
  count_pool();
  append(out, frame.tag, answer);
  return true;
}

bool Session::lease(const Frame& frame, Bytestring& out) {
  const std::optional<LeaseCall> call = decode_lease(frame.payload);
  if (!call) return false;
  if (leases_.size() >= options_.most_leases) {
    append(out, frame.tag,
           RefusedAnswer{fmt::format("{} leases of this connection are open; release some first",
                                     leases_.size())});
    return true;
  }
  ++tally_.leases;
  if (options_.synthetic_on_demand) pool_.make_synthetic(call->run, options_.model_seed);
  LeaseAnswer answer;
  const std::int32_t granted = pool_.lease(call->run, answer.slots);
  if (granted > 0) {
    answer.lease = next_lease_++;
    leases_.emplace(answer.lease, BlockRun{call->run.first, granted});
  }
  tally_.leased_blocks += static_cast<std::uint64_t>(granted);
  tally_.missing_blocks += static_cast<std::uint64_t>(call->run.count - granted);
  tally_.blocks_under_lease += static_cast<std::uint64_t>(granted);
  count_pool();
  append(out, frame.tag, answer);
  return true;
}

bool Session::release(const Frame& frame) {
  const std::optional<ReleaseCall> call = decode_release(frame.payload);
  if (!call) return false;
  const auto found = leases_.find(call->lease);
  if (found == leases_.end()) return false;
  pool_.release(found->second);
  tally_.blocks_under_lease -= static_cast<std::uint64_t>(found->second.count);
  leases_.erase(found);
  return true;
}

bool Session::begin_store(const Frame& frame, Bytestring& out) {
  const std::optional<StoreBegin> call = decode_store_begin(frame.payload);
  if (!call || store_) return false;
  store_ = std::make_unique<OpenStore>();
  store_->tag = frame.tag;
  store_->run = call->run;
  store_->store = pool_.begin_store(call->run);
  store_->wanted = store_->store.wanted();
  StoreWanted answer;
  for (const std::int32_t index : store_->wanted) {
    if (answer.ranges.empty() || answer.ranges.back().from + answer.ranges.back().count != index) {
      answer.ranges.push_back({index, 0});
    }
    ++answer.ranges.back().count;
  }
  append(out, frame.tag, answer);
  count_pool();
  if (store_->wanted.empty()) finish_store(&out);
  return true;
}

bool Session::store_block(const Frame& frame, Bytestring& out) {
  const std::optional<StoreBlock> block = decode_store_block(frame.payload);
  if (!block || !store_ || frame.tag != store_->tag ||
      block->index != static_cast<std::uint32_t>(store_->wanted[store_->received]) ||
      block->bytes.size() != static_cast<std::size_t>(pool_.format().used())) {
    return false;
  }
  const std::int32_t index = store_->wanted[store_->received++];
  const BlockId name = block_of(store_->run, block->index);
  if (store_->problem.empty()) {
    if (check_block(pool_.format(), block->bytes, name, options_.config) != BlockCheck::ok) {
      store_->problem = fmt::format("block {} is damaged or another one", raw(name));
      store_->bad = index;
      ++tally_.refused_blocks;
    } else {
      const std::span<std::byte> slot = pool_.space(store_->store, index);
      std::ranges::copy(block->bytes, slot.begin());
      seal_block(pool_.format(), slot, name, pool_.generation_of(store_->store, index),
                 options_.config);
    }
  }
  if (store_->received == store_->wanted.size()) finish_store(&out);
  return true;
}

std::int32_t Session::OpenStore::good() const {
  if (!problem.empty()) return bad;
  return received < wanted.size() ? wanted[received] : run.count;
}

void Session::finish_store(Bytestring* out) {
  const std::int32_t room = store_->store.room();
  const std::int32_t written = pool_.commit(std::move(store_->store), store_->good());
  tally_.stored_blocks += static_cast<std::uint64_t>(written);
  count_pool();
  if (out != nullptr) {
    StoreAnswer answer{pool_.lookup(store_->run), written, store_->problem};
    if (room < store_->run.count && answer.text.empty()) {
      answer.text = "no room: every block of the pool is in use";
      tally_.refused_blocks += static_cast<std::uint64_t>(store_->run.count - room);
    } else if (answer.blocks < store_->run.count && answer.text.empty()) {
      answer.text = "another store is bringing the rest";
    }
    append(*out, store_->tag, answer);
  }
  store_.reset();
}

void Session::close() {
  if (store_) finish_store(nullptr);
  for (const auto& [lease, run] : leases_) {
    pool_.release(run);
    tally_.blocks_under_lease -= static_cast<std::uint64_t>(run.count);
  }
  leases_.clear();
}

}  // namespace calvo::realrun

// The ways back: new KV to host memory, then to the remote pool, behind the loads.
#include <algorithm>

#include "control/instance.hpp"
#include "control/storage_placement.hpp"
#include "core/block_pieces.hpp"
#include "core/contract.hpp"

namespace calvo::control {

/// Positions [from, to) have just been computed and named in GPU memory.
void Instance::write_back(const RequestSpec& spec, std::int32_t from, std::int32_t to) {
  if (resources_.host_blocks == 0) return;
  if (config_.write == Write::selective) from = 0;  // a hit may have made older ones worth it
  if (config_.write != Write::through && config_.write != Write::selective) return;
  for_pieces(spec, from, to, [&](BlockRun piece, std::int32_t) {
    while (piece.count > 0) {
      const KvBook::Piece state = gpu_.look(piece);
      const bool worth = config_.write == Write::through ||
                         (state.touches + 1 >= config_.write_threshold &&
                          host_.look({piece.first, state.count}).state == KvBook::State::absent);
      if (worth) writes_.push_back({{piece.first, state.count}, false});
      piece = behind(piece, state.count);
    }
    return true;
  });
}

void Instance::dispatch_writes() {
  if (config_.write == Write::on_evict) {
    // Evicted blocks leave through a staging buffer: their slots are free at once.
    scratch_.clear();
    gpu_.take_evicted(scratch_);
    for (const BlockRun& run : scratch_) writes_.push_back({run, false});
    scratch_.clear();
    host_.take_evicted(scratch_);
    for (const BlockRun& run : scratch_) writes_.push_back({run, true});
  }
  const bool staged = config_.write == Write::on_evict;
  while (!writes_.empty() && writes_in_flight_ < config_.write_window.operations) {
    const Writing write = writes_.front();
    writes_.pop_front();
    if (write.to_remote) {
      if (resources_.storage_nodes == 0) continue;
      const PlacedRun placed = leading_on_node(write.blocks, resources_);
      auto count = static_cast<std::int32_t>(
          std::min<std::int64_t>(placed.blocks.count, config_.run_blocks));
      if (!staged) count = std::min(count, host_.resident_prefix(write.blocks));
      const BlockRun part{write.blocks.first, std::max(count, 1)};
      if (part.count < write.blocks.count) {
        writes_.push_front({behind(write.blocks, part.count), true, write.replica});
      }
      if (count == 0) continue;  // evicted before it could be stored
      if (write.replica + 1 < resources_.storage_replicas) {
        writes_.push_front({part, true, write.replica + 1});
      }
      const StorageId node = replica_of(placed.node, write.replica, resources_);
      if (down_[raw(node)]) {
        ++counters_.skipped_stores;
        continue;
      }
      if (!staged) host_.pin(part);
      const std::uint32_t slot = new_run(Flow::store);
      runs_[slot].blocks = part;
      runs_[slot].node = node;
      Command& store = command(CommandKind::store);
      store.run = run_id(slot);
      store.blocks = part;
      store.node = node;
      ++writes_in_flight_;
      continue;
    }
    // To host memory: the leading piece that is in GPU memory and not yet in host memory.
    const KvBook::Piece in_host = host_.look(write.blocks);
    std::int32_t count = in_host.count;
    const std::int32_t in_gpu = staged ? count : gpu_.resident_prefix({write.blocks.first, count});
    const auto advance = [&](std::int32_t blocks) {
      if (blocks < write.blocks.count) {
        writes_.push_front({behind(write.blocks, blocks), false});
      }
    };
    if (in_host.state != KvBook::State::absent) {
      advance(count);
      if (in_host.state == KvBook::State::resident && config_.write != Write::on_evict) {
        writes_.push_back({{write.blocks.first, count}, true});
      }
      continue;
    }
    count = static_cast<std::int32_t>(
        std::min<std::int64_t>({count, in_gpu, host_.available(), config_.run_blocks}));
    if (count == 0) continue;  // evicted meanwhile, or host memory is all in use: not written
    if (!staged) {
      // Reading cache that nobody uses holds it in GPU memory: not what is promised to requests.
      const KvBook::Piece source = gpu_.look({write.blocks.first, count});
      count = source.count;
      if (!source.pinned) {
        count = static_cast<std::int32_t>(std::min<std::int64_t>(count, uncommitted()));
      }
      if (count == 0) {
        writes_.push_front(write);
        return;
      }
    }
    advance(count);
    const BlockRun part{write.blocks.first, count};
    const std::uint32_t slot = new_run(Flow::copy_out);
    if (!staged) gpu_.pin(part);
    host_.reserve(part, slot);
    runs_[slot].blocks = part;
    Command& copy = command(CommandKind::copy_out);
    copy.run = run_id(slot);
    copy.blocks = part;
    ++writes_in_flight_;
  }
}

void Instance::stored(const Event& event) {
  Run& run = run_of(event.run);
  const std::uint32_t slot = slot_of(event.run);
  CALVO_EXPECT(run.flow == Flow::copy_out || run.flow == Flow::store);
  --writes_in_flight_;
  const bool ok = event.status == TransferStatus::ok;
  const bool staged = config_.write == Write::on_evict;
  if (run.flow == Flow::store) {
    counters_.stored_blocks += ok ? event.blocks : 0;
    counters_.failed_stores += ok ? 0 : 1;
  }
  if (run.flow == Flow::copy_out) {
    if (ok) {
      host_.fill(run.blocks);
      host_.unpin(run.blocks);
    } else {
      host_.drop(run.blocks);
    }
    if (!staged) {
      gpu_.unpin(run.blocks);
      if (ok) writes_.push_back({run.blocks, true});
    }
    wake(run);
  } else if (!staged) {
    host_.unpin(run.blocks);
  }
  free_run(slot);
  reform_ = reform_ || !waiting_.empty();
}

}  // namespace calvo::control

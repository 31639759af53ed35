// Runs of blocks in flight, as flows over links.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "control/commands.hpp"
#include "control/events.hpp"
#include "control/storage_node.hpp"
#include "core/timeline.hpp"
#include "scenarios/scenario.hpp"
#include "sim/topology.hpp"
#include "sim/world.hpp"

namespace calvo::sim {

enum class TransferKind : std::uint8_t { fetch, copy_in, copy_out, store };

/// One run. Blocks move in order; `granted` of its `blocks` do move.
struct Transfer {
  TransferKind kind{};
  enum class State : std::uint8_t { free, set_up, waiting, flowing, hung, over };
  State state = State::free;
  std::uint32_t host = 0;
  RunId run{};
  const RequestSpec* spec = nullptr;  ///< fetch, copy_in
  std::int32_t from = 0, to = 0;      ///< positions in spec->blocks
  BlockRun run_blocks;                ///< copy_out, store
  StorageId node{};
  std::int32_t blocks = 0;   ///< asked for
  std::int32_t granted = 0;  ///< to be moved: fewer if the pool lacks them, or after a cut
  std::int32_t moved = 0;    ///< block granularity: those that are over
  bool missing = false;
  bool cut = false;
  bool timed_out = false;
  struct Lane {
    FlowId flow{};
    bool alive = true;
    double bytes = 0;  ///< in all
  };
  std::vector<Lane> lanes;    ///< flows: one per PCIe lane; one for the network
  std::uint64_t version = 0;  ///< of its timer
  Instant check = never;      ///< following copy: date of its pending timer
  std::uint64_t turn = 0;     ///< numbers the fetches, and the stores, of a host
  double factor = 1;          ///< noise: its rate is divided by it
  Instant posted{};           ///< the command's date
  Instant began{};            ///< first byte
  Instant ended{};
  std::uint32_t leader = none;        ///< copy_in: the fetch it follows while that runs
  std::uint32_t follower = none;      ///< fetch
  double cap_now = 0;                 ///< copy_in that follows: its present cap, all lanes
  double lead_rate = 0;               ///< of its fetch, bytes/s
  double backlog = 0;                 ///< bytes landed that it should have copied and has not
  std::vector<BlockRun> pieces;       ///< fetch: read leases
  control::StorageNode::Write write;  ///< store

  static constexpr std::uint32_t none = 0xffffffffU;
};

/// Told by Transfers; events of the same date come back through it.
class TransferOwner {
public:
  virtual ~TransferOwner() = default;
  virtual void transfer_done(const Transfer& transfer) = 0;
  /// Number of copies that flow over the lanes of a host, after a change.
  virtual void copies_changed(std::uint32_t host, std::int64_t flowing) = 0;
};

/// Carries transfers from their command to their end: set-up time, leases on storage nodes, flows,
/// copies that follow a fetch block by block, cuts at block boundaries.
///
/// At run granularity a fetch is one flow and a copy behind it another, whose rate is held to the
/// fetch's as long as it has caught up; the last block crosses PCIe at full speed after the fetch
/// has ended. At block granularity each block is a flow of its own.
/// Source of the former's error bounds: docs/design.md, "Runs and blocks".
class Transfers {
public:
  Transfers(const scenarios::Scenario& scenario, World& world, const Topology& topology,
            std::deque<control::StorageNode>& storage, Timeline& timeline, TransferOwner& owner,
            std::uint32_t timer_kind);

  void start(std::uint32_t host, const control::Command& command, const RequestSpec* spec);
  void cut(std::uint32_t host, RunId run);

  /// Between the two nothing moves to or from the node: transfers that flow there, and those that
  /// begin, end by timeout with the blocks that have moved.
  void node_down(StorageId node);
  void node_up(StorageId node);
  bool is_down(StorageId node) const { return down_[raw(node)]; }

  void on_timer(std::uint32_t slot, std::uint64_t version);
  /// Flows that have ended at this date are gone at once, so all of a batch are marked before any
  /// is looked at. `tag` as in the flow's specification.
  void mark_done(std::uint64_t tag);
  void on_flow_done(std::uint64_t tag);
  /// After each batch: holds following copies to the rates of their fetches.
  void follow();

  /// Copies of `request` into the GPUs of `host` that are under way: how many, and the date at
  /// which the earliest was posted.
  std::int64_t copies_of(std::uint32_t host, RequestId request, Instant& earliest) const;

private:
  std::uint32_t index_of(std::uint32_t host, RunId run) const;
  void begin(std::uint32_t slot);
  bool lease_fetch(Transfer& transfer);
  bool lease_store(Transfer& transfer);
  void release_leases(Transfer& transfer);
  void start_flows(std::uint32_t slot);
  void hang(std::uint32_t slot, Instant last_heard);
  void finish(std::uint32_t slot);
  void draw(const Transfer& transfer);
  void set_timer(std::uint32_t slot, Seconds after);
  double moved_bytes(const Transfer& transfer);
  std::span<const LinkId> route(const Transfer& transfer, std::int32_t lane) const;
  std::int32_t shards(const Transfer& transfer) const;
  void resize(Transfer& transfer);
  void cap_lanes(Transfer& transfer, double cap);
  double rate_of(const Transfer& transfer);
  static bool all_done(const Transfer& transfer);
  double cap(TransferKind kind) const { return caps_[static_cast<std::size_t>(kind)]; }
  double noise();
  double limit(const Transfer& transfer) const { return cap(transfer.kind) / transfer.factor; }
  bool on_pcie(const Transfer& transfer) const {
    return transfer.kind == TransferKind::copy_in || transfer.kind == TransferKind::copy_out;
  }

  // transfers_following.cpp
  void leader_over(std::uint32_t slot);
  void copy_ahead(Transfer& copy, const Transfer& leader);
  void look_again(std::uint32_t slot, Seconds after);
  void follow(std::uint32_t slot);

  const scenarios::Scenario& scenario_;
  World& world_;
  const Topology& topology_;
  std::deque<control::StorageNode>& storage_;
  Timeline& timeline_;
  TransferOwner& owner_;
  std::uint32_t timer_kind_;
  bool by_block_;
  bool exact_caps_;
  double block_bytes_;
  double caps_[4];     ///< by kind: rate at which its operations proceed, bytes/s, one flow
  Seconds set_up_[4];  ///< by kind: from the command to the first byte
  std::deque<Transfer> transfers_;
  std::vector<std::uint32_t> free_;
  std::vector<std::vector<std::uint32_t>> by_run_;  ///< [host][control::slot_of(run)]
  std::vector<std::uint32_t> followers_;            ///< copies whose fetch runs
  std::vector<std::int64_t> copies_;                ///< [host] flowing over PCIe
  std::vector<std::uint32_t> link_tracks_;          ///< by link; not all have one
  std::uint64_t draws_ = 0;
  std::vector<std::uint64_t> turns_[2];  ///< [host]: fetches, stores begun
  std::vector<bool> down_;               ///< by storage node
};

}  // namespace calvo::sim

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "realrun/engine/busy_time.hpp"
#include "realrun/engine/connector.hpp"
#include "realrun/engine/messages.hpp"
#include "realrun/engine/read_depth.hpp"
#include "realrun/engine/ring.hpp"
#include "realrun/engine/silence.hpp"
#include "realrun/engine/wall_clock.hpp"
#include "realrun/engine/worker.hpp"
#include "realrun/wire/block_format.hpp"

namespace calvo::realrun {

struct RailSettings {
  std::uint32_t instance = 0;
  std::uint32_t rail = 0;
  BlockFormat format;
  std::uint64_t config = 0;  ///< BlockTrailer::config
  bool verify = true;
  Nanoseconds limit{0};  ///< a node is given up after this time without a block or an answer
  Bytes window;          ///< of a fetch, posted and not yet landed
  std::optional<int> core;
};

/// What a rail has seen; read after it has stopped.
struct RailReport {
  Nanoseconds verify{0};
  std::int64_t verified_blocks = 0;
  std::int64_t corrupt_blocks = 0;
  std::int64_t timeouts = 0;
  std::int64_t reconnects = 0;
  std::vector<double> lookup_s, lease_s;
  Bytes read, stored;
  Nanoseconds reading{0}, storing{0};  ///< time with a block asked for; with a store under way
};

/// One rail of one instance: a thread with a fabric client and a control connection to every node.
/// It looks up, leases, reads block by block within the engine's window, verifies, and stores.
///
/// Runs of one node take turns block by block. Reads of a node are posted a little ahead only
/// (ReadDepth): what is posted cannot be reordered. A connection that fails is torn down and made
/// anew, and what had not landed is read again. A node is lost if its control connection breaks, or
/// if for `limit` none of its blocks lands though some are wanted, or none of its answers comes
/// though some are due: all its transfers end by `timeout`, and the connector brings it back.
class Rail {
public:
  /// Registers `memory` and connects to the pools behind `links` (one for each node, in order).
  /// Throws std::runtime_error, or InputError where a node does not serve the fabric.
  /// What is given by reference outlives this.
  Rail(const RailSettings& settings, const Parts& parts, std::span<std::byte> memory,
       std::vector<std::unique_ptr<NodeLink>> links, const WallClock& clock, NoticeRing& notices,
       Doorbell& copy_thread, Connector& connector);

  void start();
  Ring<RailOrder>& orders() { return orders_; }
  /// After a StopOrder: no memory is written any more when it returns.
  void join() { worker_.join(); }
  bool running() const { return worker_.running(); }
  const RailReport& report() const { return report_; }

private:
  struct Node {
    Node(std::unique_ptr<NodeLink> to, std::int64_t most_posted)
        : link(std::move(to)), depth(most_posted) {}
    std::unique_ptr<NodeLink> link;  ///< null: lost
    std::optional<PeerId> peer;
    std::int64_t outstanding = 0;  ///< reads
    ReadDepth depth;
    bool failed = false;             ///< one of them has, the peer is to be disconnected
    std::int32_t failures = 0;       ///< in a row without a block
    std::int32_t pool_failures = 0;  ///< to connect to its pool, in a row
    Nanoseconds pause{0};            ///< before the connector tries again
    Silence blocks, answers;         ///< of landed blocks; of answers, and of blocks it takes
    Instant retry{};
    std::uint64_t served = 0;       ///< the fetch that posted last
    std::uint64_t blocks_sent = 0;  ///< NodeLink::blocks_sent() at the last look

    Instant silent_until(Nanoseconds limit) const {
      return std::min(blocks.ends(limit), answers.ends(limit));
    }
  };
  struct Fetch {
    FetchOrder order;
    std::vector<std::uint64_t> offsets;  ///< in the pool, of the blocks granted
    std::vector<std::uint64_t> leases;
    std::int32_t open_leases = 0;  ///< asked for and not yet answered
    bool granted_all = true;
    std::int32_t posted = 0;
    std::int32_t landed = 0;
    std::int64_t outstanding = 0;
    bool cut = false, corrupt = false, missing = false;
    Instant issued{}, began{};

    std::int32_t total() const { return static_cast<std::int32_t>(order.blocks.size()); }
    std::int32_t granted() const { return static_cast<std::int32_t>(offsets.size()); }
    bool stops() const { return cut || corrupt || missing; }
  };
  struct Lookup {
    LookupOrder order;
    std::vector<std::int32_t> counts;  ///< of each piece, leading blocks that are stored somewhere
    std::vector<std::int32_t> known;   ///< counts before it was asked about last
    std::int32_t open = 0;
    Instant issued{};
  };
  struct Store {
    StoreOrder order;
    std::int32_t stored = 0;
    Instant began{};
  };
  struct Call {
    enum class Kind : std::uint8_t { lookup, lease, store } kind{};
    std::uint64_t serial = 0;
    StorageId node{};
    std::vector<std::size_t> pieces;  ///< lookup: which ones it asks about, in order
    std::int32_t blocks = 0;          ///< lease: asked for
  };
  struct Wanted {
    bool blocks = false, answers = false;
  };
  struct Posted {
    std::uint64_t fetch = 0;
    std::int32_t block = 0;
    StorageId node{};
  };
  using Fetches = std::map<std::uint64_t, Fetch>;
  using Lookups = std::map<std::uint64_t, Lookup>;

  // rail.cpp: the loop
  void work();
  void take_orders();
  void order(LookupOrder order);
  void order(FetchOrder order);
  void order(CutOrder order);
  void order(StoreOrder order);
  void order(Connected connected);
  void order(StopOrder) { stopping_ = true; }
  void poll_links();
  void find_the_silent(Instant now);
  void sleep();
  void tell(const control::Event& event, Instant began);

  // rail_nodes.cpp: connections
  Node& node(StorageId id) { return nodes_[raw(id)]; }
  void connect_pool(StorageId id, Nanoseconds limit);
  void reconnect_pool(StorageId id);
  void excuse(Instant since);
  void mend(StorageId id);
  void lose(StorageId id);
  void disconnect(StorageId id);
  void tell_state(StorageId id, control::EventKind kind);

  // rail_reads.cpp: fetches
  void leased(const NodeReply& reply, const Call& call);
  void pump(StorageId id);
  bool may_post(const Fetch& fetch) const;
  std::size_t poll_fabric();
  void complete(const ReadDone& done, Instant now);
  void landed(Fetch& fetch);
  bool finish_if_over(Fetches::iterator fetch);
  void end(Fetches::iterator fetch, control::TransferStatus status);

  // rail_calls.cpp: lookups and stores
  void answer(const NodeReply& reply);
  void looked_up(const NodeReply& reply, const Call& call);
  void ask(Lookups::iterator lookup, std::size_t from, std::size_t to);
  void looked_everywhere(Lookups::iterator lookup);
  void finish_lookup(Lookups::iterator lookup);
  void stored(const NodeReply& reply, const Call& call);
  void finish_store(std::map<std::uint64_t, Store>::iterator store, control::TransferStatus status);

  RailSettings settings_;
  const Parts& parts_;
  const WallClock& clock_;
  NoticeRing& notices_;
  Doorbell& copy_thread_;
  Connector& connector_;
  Doorbell bell_{Doorbell::Sleeper::with_files};
  Ring<RailOrder> orders_;
  std::unique_ptr<FabricClient> fabric_;
  std::int64_t run_window_;  ///< reads of one fetch

  std::vector<Node> nodes_;
  Fetches fetches_;
  Lookups lookups_;
  std::map<std::uint64_t, Store> stores_;
  std::unordered_map<std::uint64_t, std::uint64_t> fetch_of_run_;
  std::unordered_map<std::uint64_t, Call> calls_;
  std::unordered_map<std::uint64_t, Posted> posted_;
  std::uint64_t next_serial_ = 1;
  std::vector<RailOrder> inbox_;
  std::vector<NodeReply> replies_;
  std::vector<Wanted> wanted_;  ///< by node
  BusyTime reading_, storing_;
  RailReport report_;
  bool stopping_ = false;
  Worker worker_;
};

}  // namespace calvo::realrun

// The smallest driver there can be: virtual time, links that carry one block after the other, a
// linear GPU. It carries out commands to the letter of control/{events,commands}.hpp and holds the
// control plane to what a driver may assume.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "control/instance.hpp"
#include "control/router.hpp"
#include "control/storage_node.hpp"
#include "control/storage_placement.hpp"
#include "core/random.hpp"
#include "models/cost_model.hpp"

namespace calvo::control::fake {

/// Estimates that are straight lines in tokens, per CALVO's fits.
struct LineCost final : models::CostModel {
  double remote_per_token = 2e-6;
  double host_per_token = 0.5e-6;
  double compute_per_token = 20e-6;

  Seconds load(const models::Work& work) const override {
    return Seconds{remote_per_token * static_cast<double>(work.remote.count()) +
                   host_per_token * static_cast<double>(work.host.count())};
  }
  Seconds compute(const models::Work& work) const override {
    return Seconds{compute_per_token * static_cast<double>(work.compute.count())};
  }
};

/// Whether a link with several runs gives each a block in turn or finishes one after the other.
enum class Sharing : std::uint8_t { fair, serial };

/// What is true of the machine, whatever the estimates say.
struct Hardware {
  Sharing sharing = Sharing::fair;
  Nanoseconds lookup{20'000};
  Nanoseconds network_latency{5'000};
  Nanoseconds network_block{40'000};  ///< time of one block on an instance's NIC
  Nanoseconds pcie_latency{3'000};
  Nanoseconds pcie_block{15'000};
  Nanoseconds step{100'000};
  Nanoseconds prefill_token{20'000};
  Nanoseconds context_token{10};  ///< per token of context, prefill and decode
  Nanoseconds decode{50'000};     ///< per decoding request
  std::int32_t layers = 4;
  /// Runs (counted over the whole run) whose last block is gone at the source although the lookup
  /// promised it: every n-th; 0: none.
  std::int32_t lose_every = 0;
};

/// A storage node that answers nobody for a while, and keeps what it holds.
struct Outage {
  std::uint32_t node = 0;
  Instant from{};
  Instant until{};
  Nanoseconds noticed{0};  ///< when instances hear of it, after `from`; never if that is too late
};

/// What goes wrong. A number n: one in n of these, by chance; 0: none.
struct Faults {
  std::uint64_t seed = 0;
  std::uint64_t corrupt = 0;  ///< fetches that end at a bad block
  std::uint64_t missing = 0;  ///< fetches that end at a block that is gone
  std::uint64_t hanging = 0;  ///< fetches whose connection breaks on the way
  std::uint64_t failed_store = 0;
  Nanoseconds timeout{200'000};  ///< from the last sign of life of a transfer to its end
  Nanoseconds longest_drain{0};  ///< from there until its memory is safe; by chance
  std::vector<Outage> outages;   ///< at most one of each node
};

/// One batch of one reducer and what it answered.
struct Batch {
  std::uint32_t instance = 0;
  std::vector<Event> events;
  CommandBuffer answer;
};

struct Ended {
  Outcome outcome = Outcome::unfinished;
  RejectReason reason = RejectReason::none;
  std::uint32_t instance = 0;
  Tokens cached;
  RequestTimes times;
  std::int32_t preemptions = 0;
};

/// Text of one event or command: kind and the fields that mean something there.
std::string describe(const Event& event);
std::string describe(const Command& command, const CommandBuffer& buffer);

/// All that `batches` say and were told, to the last field.
std::string transcript(const Batch& batch);

class FakeDriver {
public:
  struct Setup {
    EngineConfig engine;
    InstanceResources resources;
    std::int32_t instances = 1;
    std::int64_t storage_blocks = 1'000'000;  ///< capacity of each storage node
    std::string routing = "round_robin";
    Faults faults;
  };

  /// `estimates` outlives the driver.
  FakeDriver(const Setup& setup, const Hardware& hardware, const models::CostModel& estimates);

  /// Puts blocks into the remote pool before the run.
  void preload(BlockRun blocks);
  /// `spec` outlives the driver; it arrives at spec.arrival.
  void add(const RequestSpec& spec);
  void cancel(RequestId request, Instant at);

  /// Plays until nothing is left to do. False after `most` batches: it goes round in circles.
  bool run(std::int64_t most);

  Instant now() const { return now_; }
  const std::map<RequestId, Ended>& ended() const { return ended_; }
  const std::vector<Batch>& batches() const { return batches_; }
  Instance& instance(std::size_t i) { return instances_[i]->reducer; }
  std::size_t instances() const { return instances_.size(); }
  StorageNode& node(std::size_t i) { return nodes_[i]; }
  /// Whether once no slot of an instance's host memory was free of transfers that had timed out.
  bool all_quarantined() const { return all_quarantined_; }
  const Hardware& hardware() const { return hardware_; }
  /// What broke the contract of commands, or the account of computed tokens; empty: nothing.
  const std::vector<std::string>& complaints() const { return complaints_; }

  std::function<void(const RequestSpec&, Instant)> on_finish;
  std::function<void(const FakeDriver&, std::uint32_t instance)> after_batch;

private:
  struct Transfer {
    CommandKind kind{};
    std::uint32_t instance = 0;
    Command command;
    std::vector<BlockRun> ids;  ///< fetch: what the storage node granted
    std::int32_t limit = 0;     ///< blocks that can be moved at most
    std::int32_t source = 0;    ///< blocks that are there to be moved
    std::int32_t done = 0;
    bool started = false;  ///< its latency is over
    bool moving = false;   ///< one of its blocks is on the link
    bool cut = false;
    bool ended = false;
    bool hung = false;  ///< nothing of it moves any more; it ends at `gives_up`
    Instant gives_up{};
    TransferStatus status = TransferStatus::ok;
    RunId after{};             ///< copy_in: a fetch that has not ended
    RunId follower{};          ///< fetch: the copy behind it
    StorageNode::Write write;  ///< store
  };
  struct Link {
    std::deque<std::uint64_t> ready;  ///< transfers with a block to move, in turn
    bool busy = false;
  };
  struct Step {
    bool running = false;
    RunId run{};
    std::uint64_t epoch = 0;
    std::int64_t iterations = 0;
    std::int64_t done = 0;
    bool cut = false;
    Nanoseconds base{0};
    Nanoseconds growth{0};
    std::vector<RequestId> decoding;
    std::vector<RunId> gate;  ///< copies that a layer-wise step waits for
    Nanoseconds tail{0};      ///< of the step behind the last of them
    bool computed = false;
  };
  struct Host {
    explicit Host(const Setup& setup, const models::CostModel& estimates)
        : reducer(setup.engine, setup.resources, estimates) {}
    Instance reducer;
    Link network_in, network_out, pcie_in, pcie_out;
    std::map<std::uint64_t, Transfer> transfers;
    std::map<std::uint32_t, RunId> numbers;  ///< slot_of() those in flight or draining
    std::int64_t quarantined = 0;
    Step step;
    std::vector<Event> inbox;
    Instant batch_time{};
  };
  /// Tokens that a request has had computed.
  struct Account {
    std::int64_t next = -1;  ///< context that its next prefill part must have; -1: any
    std::int64_t prefilled = 0;
    std::int64_t first_context = -1;
    std::int64_t decoded = 0;
    bool restarted = false;
  };
  using Action = std::function<void()>;
  struct Due {
    Instant at{};
    std::uint64_t sequence = 0;
    Action action;
    bool operator>(const Due& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };

  void at(Instant date, Action action);
  void after(Nanoseconds delay, Action action) { at(now_ + delay, std::move(action)); }
  void tell(std::uint32_t instance, Event event);
  void route();
  void carry_out(std::uint32_t instance, const CommandBuffer& buffer);
  void carry_out(std::uint32_t instance, const Command& command, const CommandBuffer& buffer);
  void complain(const std::string& what);

  Link& link_of(Host& host, CommandKind kind);
  void begin(std::uint32_t instance, std::uint64_t run);
  void offer(std::uint32_t instance, std::uint64_t run);
  void pump(std::uint32_t instance, CommandKind kind);
  void landed(std::uint32_t instance, std::uint64_t run);
  void maybe_end(std::uint32_t instance, std::uint64_t run);
  void end(std::uint32_t instance, Transfer& transfer);
  void start_transfer(std::uint32_t instance, const Command& command, const CommandBuffer& buffer);
  void begin_fetch(Transfer& transfer);
  void hang(std::uint32_t instance, Transfer& transfer);
  void fail_by_chance(std::uint32_t instance, Transfer& transfer);
  void drain(std::uint32_t instance, RunId run, std::int32_t blocks);
  void begin_outage(const Outage& outage);
  void cut_transfer(std::uint32_t instance, RunId run);
  void run_step(std::uint32_t instance, const Command& command, const CommandBuffer& buffer);
  void iteration_over(std::uint32_t instance, std::uint64_t epoch);
  void maybe_end_step(std::uint32_t instance);
  void leave(std::uint32_t instance, const Command& command, Outcome outcome);
  std::int32_t lookup(const RequestSpec& spec, std::int32_t from, std::int32_t to) const;
  std::int32_t stored_prefix(const PlacedRun& piece) const;

  Setup setup_;
  Hardware hardware_;
  std::vector<std::unique_ptr<Host>> instances_;
  std::deque<StorageNode> nodes_;
  Router router_;
  std::vector<Event> router_inbox_;
  std::map<RequestId, const RequestSpec*> specs_;
  std::map<RequestId, std::uint32_t> placed_;
  std::map<RequestId, Ended> ended_;
  std::map<RequestId, Account> accounts_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::uint64_t sequence_ = 0;
  std::int64_t fetches_ = 0;
  std::vector<bool> dead_, announced_;  ///< by storage node
  Random chance_;
  bool all_quarantined_ = false;
  Instant now_{};
  std::vector<Batch> batches_;
  std::vector<std::string> complaints_;
};

}  // namespace calvo::control::fake

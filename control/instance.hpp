#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/intrusive/set.hpp>

#include "control/commands.hpp"
#include "control/engine_config.hpp"
#include "control/events.hpp"
#include "control/kv_book.hpp"
#include "core/run_result.hpp"
#include "core/waiting.hpp"
#include "models/cost_model.hpp"
#include "policies/order_policy.hpp"
#include "policies/restore_policy.hpp"

namespace calvo::control {

/// One serving engine as a pure reducer: batches of events in, commands out. It owns the books of
/// its GPU and host memory, the order in each stage, the credits and the life of every request:
///
///   arrival -> lookup -> waiting (network load, PCIe load, in any overlap) -> prefill -> decode
///
/// Same events, same commands, bit for bit. Source: the switches of docs/scenario.md.
class Instance {
public:
  /// `estimates` outlives the instance.
  Instance(const EngineConfig& config, const InstanceResources& resources,
           const models::CostModel& estimates);

  /// Applies all events of the batch, then dispatches once; appends to `out`.
  /// Requires: dates never go back.
  void handle(std::span<const Event> batch, CommandBuffer& out);

  Counters counters() const;
  /// Requests that have arrived and not ended.
  std::int64_t unfinished() const { return unfinished_; }
  std::int64_t gpu_blocks_used() const { return gpu_.used(); }
  std::int64_t host_blocks_used() const { return host_.used(); }
  /// Of these, slots that a transfer which timed out may still write to.
  std::int64_t host_blocks_quarantined() const { return quarantined_; }
  /// Whether a slot of the tier is the block's, be it landed or on its way: what a driver with real
  /// memory keeps. Slots without a name are a request's until finish, reject, cancelled or preempt.
  bool gpu_holds(BlockId block) const {
    return gpu_.look({block, 1}).state != KvBook::State::absent;
  }
  bool host_holds(BlockId block) const {
    return host_.look({block, 1}).state != KvBook::State::absent;
  }

  /// Leading blocks of the request that it shares under their names; its other GPU slots are its
  /// own. None if it is not here. Cost: the requests that are here.
  std::optional<std::int32_t> named_blocks(RequestId request) const;

  /// Appends what each request that is here waits for, in no order. Cost: the requests that are
  /// here.
  void waits(std::vector<Wait>& out) const;
  /// What kept the step under way, or the last one, from taking more requests, and when it was
  /// formed.
  StepLimit step_limit() const { return step_limit_; }
  Instant step_formed() const { return step_formed_; }
  /// From now on appends to `decisions` what the orders see of each request. It outlives the
  /// instance; null: no more.
  void record_decisions(std::vector<Decision>* decisions) { decisions_ = decisions; }

  /// For tests: the first way in which the books do not agree with what requests and transfers
  /// hold; empty if they do. Cost: all blocks in use.
  std::string audit() const;
  /// For tests: what is still held or in flight after the last request has ended; empty: nothing.
  std::string idle_problem() const;

private:
  enum class Phase : std::uint8_t { free, looking_up, waiting, member, prefilling, decoding };
  enum class Tier : std::uint8_t { gpu, host, remote };
  enum class Flow : std::uint8_t { none, fetch, copy_in, copy_out, store, quarantine };

  struct NetTag;
  struct PcieTag;
  struct WaitTag;
  struct DeadlineTag;
  template <class Tag>
  using Hook = boost::intrusive::set_base_hook<boost::intrusive::tag<Tag>>;

  /// Positions [from, to) of a request that `node` has failed to give it.
  struct Failure {
    std::int32_t from = 0, to = 0;
    StorageId node{};
  };

  /// A request's time on each stage, by the estimates.
  struct Demand {
    Nanoseconds network{0}, copy{0}, compute{0};
  };

  /// Leading blocks of a request that lie in one tier, behind those of the stretch before.
  struct Stretch {
    std::int32_t end = 0;
    Tier tier{};
  };

  /// A request's state here. Positions count blocks of its prompt; [0, use) is to be used, the
  /// rest of the prompt is to be computed.
  struct Job : Hook<NetTag>, Hook<PcieTag>, Hook<WaitTag>, Hook<DeadlineTag> {
    const RequestSpec* spec = nullptr;
    std::uint32_t slot = 0;
    std::uint64_t sequence = 0;  ///< order of arrival here
    Phase phase = Phase::free;
    double network_key = 0, pcie_key = 0, prefill_key = 0;
    RequestTimes times;
    std::int32_t lookup_from = 0;  ///< the remote pool said it has [lookup_from, remote_to)
    std::int32_t remote_to = 0;
    std::int32_t use = 0;
    std::int32_t gpu = 0;         ///< [0, gpu) resident and pinned in GPU memory by this job
    std::int32_t gpu_issued = 0;  ///< [gpu, gpu_issued) asked of the PCIe stage
    std::int32_t host_low = 0;    ///< [host_low, landed) pinned in host memory by this job
    std::int32_t landed = 0;
    std::int32_t net_issued = 0;  ///< [landed, net_issued) asked of the network stage
    std::int32_t fetching = 0;    ///< own runs in flight
    std::int32_t copying = 0;
    std::int32_t copying_blocks = 0;
    std::int64_t anonymous = 0;  ///< GPU slots held beyond [0, gpu)
    std::int64_t wanted = 0;     ///< GPU slots promised in all; 0: none promised
    std::int64_t committed = 0;  ///< of these, not yet taken
    std::int64_t owed = 0;       ///< slots its prefill will need beyond `wanted`
    Tokens target;               ///< tokens that its prefill makes KV for: input + generated
    Tokens computed;             ///< tokens with KV
    Tokens part;                 ///< tokens of it in the step under way
    std::int64_t generated = 0;
    Tokens cached;
    bool network_enabled = false;
    bool pcie_enabled = false;
    std::int32_t joined_fetches = 0;  ///< other jobs' runs that it waits for
    std::int32_t joined_copies = 0;
    bool resident = false;  ///< all of [0, use) was in GPU memory when last looked at
    bool counted_prefetch = false;
    bool counted_ready = false;
    bool timer_set = false;
    bool gave_up = false;           ///< load_stop: it waits for no more of its load
    Instant planned{};              ///< when it began to wait, anew after a preemption
    Instant late_at = never;        ///< from then on late, if none of its load has begun
    Instant late_ready_at = never;  ///< from then on late, once it is loaded
    Instant judged_at = never;      ///< in deadlines_ by this date; never: it is not there
    bool late = false;              ///< it has gone behind all others
    Demand outstanding;             ///< what is left of it, as far as it counts in the totals
    bool cancelled = false;
    std::int32_t preemptions = 0;
    std::vector<Failure> failures;  ///< since it was last planned from nothing
  };

  struct Waiter {
    std::uint32_t slot = 0;
    std::uint64_t sequence = 0;
  };

  /// A transfer in flight.
  struct Run {
    Flow flow = Flow::none;
    std::uint32_t serial = 0;
    std::uint32_t job = 0;
    std::uint64_t job_sequence = ~std::uint64_t{0};  ///< of the job it serves; ~0: none
    const RequestSpec* spec = nullptr;
    std::int32_t from = 0, to = 0;  ///< quarantine: of these, the slots that may be written to
    BlockRun blocks;
    StorageId node{};
    double key = 0;
    bool cutting = false;
    bool following = false;      ///< copy_in: its fetch is still running
    std::uint32_t follower = 0;  ///< fetch: slot + 1 of the copy behind it; 0: none
    std::int32_t source_to = 0;  ///< copy_in: [from, source_to) is pinned in host memory by it
    std::vector<Waiter> waiters;
  };

  struct Writing {
    BlockRun blocks;
    bool to_remote = false;
    std::int32_t replica = 0;  ///< to_remote: which of its nodes is next
  };

  enum class StepPhase : std::uint8_t { idle, loading, running };
  enum class Issue : std::uint8_t { issued, nothing, no_space, no_credit };
  enum class Start : std::uint8_t { started, set_aside, no_space };

  static constexpr std::uint32_t none = 0xffffffffU;

  template <double Job::*Key>
  struct By {
    bool operator()(const Job& a, const Job& b) const {
      if (a.*Key != b.*Key) return a.*Key < b.*Key;
      return a.sequence < b.sequence;
    }
  };
  template <class Tag, double Job::*Key>
  using Queue = boost::intrusive::set<Job, boost::intrusive::base_hook<Hook<Tag>>,
                                      boost::intrusive::compare<By<Key>>>;
  struct ByDeadline {
    bool operator()(const Job& a, const Job& b) const {
      if (a.judged_at != b.judged_at) return a.judged_at < b.judged_at;
      return a.sequence < b.sequence;
    }
  };

  // instance.cpp: events, leaving, dispatching
  void apply(const Event& event);
  void arrive(const Event& event);
  void looked_up(const Event& event);
  void leave(Job& job);
  void finish(Job& job);
  void cancel(RequestId request);
  void settle_cancelled(Job& job);
  void set_phase(Job& job, Phase phase);
  void update_queues(Job& job);
  void count_ready(Job& job);
  void dispatch();
  bool release_worst(std::size_t count);
  void park(Job& job);
  bool gives_way(const Job& job) const { return only_ != none && only_ != job.slot; }
  bool anything_in_flight() const;

  // instance_plan.cpp: what a job uses of what is found, its keys
  void find_blocks(const Job& job);
  models::Work work_of(const Job& job, std::int32_t use) const;
  policies::RestoreOption option_of(const Job& job, std::int32_t use) const;
  policies::RestoreOption choose_use(const Job& job);
  void count_outstanding(Job& job, Demand demand);
  void plan(Job& job);

  // instance_deadlines.cpp: requests that are late
  void plan_deadline(Job& job, const policies::RequestView& view);
  Instant late_from(const Job& job) const;
  bool is_late(const Job& job) const;
  void watch_deadline(Job& job);
  void put_late_last();

  // instance_memory.cpp: what a job holds
  std::int64_t blocks_for(Tokens tokens) const;
  Tokens output_of(const RequestSpec& spec) const;
  std::int32_t usable_blocks(const Job& job) const;
  std::int64_t load_blocks(const Job& job) const;
  void pin_range(KvBook& book, const RequestSpec& spec, std::int32_t from, std::int32_t to);
  void unpin_range(KvBook& book, const RequestSpec& spec, std::int32_t from, std::int32_t to);
  std::int32_t resident_end(const KvBook& book, const RequestSpec& spec, std::int32_t from,
                            std::int32_t to) const;
  bool can_load() const {
    return resources_.host_blocks > 0 && config_.restore != Restore::recompute_all;
  }
  std::int64_t uncommitted() const { return gpu_.available() - committed_; }
  std::int64_t prefill_blocks(const Job& job) const;
  bool commit(Job& job, std::int64_t slots, std::int64_t owed);
  void recommit(Job& job);
  void extend_gpu(Job& job);
  void extend_host(Job& job);
  void release_host(Job& job);
  void release_gpu(Job& job);
  void name_blocks(Job& job, std::int32_t to);

  // instance_loads.cpp: what both loading stages share
  void enable_loads(Job& job);
  void count_prefetch(Job& job);
  void note_progress(Job& job);
  bool loads_over(const Job& job) const;
  void truncate(Job& job, std::int32_t use);
  bool join(std::uint32_t run, Job& job, Flow flow);
  void wake(Run& run);
  void cut_own(const Job& job, const std::vector<std::uint32_t>& active, CommandKind kind);
  void cut_for(double key, const std::vector<std::uint32_t>& active, CommandKind kind);

  // instance_network.cpp: remote pool to host memory
  double worst_prefetching() const;
  void dispatch_network();
  Issue issue_fetch(Job& job);
  void note_reload(BlockRun piece);
  void fetched(const Event& event);

  // instance_pcie.cpp: host memory to the GPU
  std::uint32_t fetch_covering(const Job& job, std::int32_t position) const;
  bool pcie_has_source(const Job& job) const;
  void dispatch_pcie();
  Issue issue_copy(Job& job);
  void copied(const Event& event);

  // instance_faults.cpp: nodes that do not give what they should
  std::optional<StorageId> source_of(const Job& job, std::int32_t position, StorageId home) const;
  std::optional<StorageId> source_of(const Job& job, std::int32_t position) const;
  std::int32_t same_source(const Job& job, std::int32_t position, std::int32_t count) const;
  void load_failed(Job& job, Failure failure);
  void tell_waiters(const Run& run, Failure failure);
  void quarantine(std::int32_t slots);
  void drained(const Event& event);
  void set_down(StorageId node, bool down);

  // instance_step.cpp: batches
  bool walks() const { return walks_; }
  void form_step();
  void probe_waiting();
  Start try_start(Job& job);
  bool network_over(Job& job);
  void add_part(Job& job, std::int64_t& budget);
  void launch();
  bool members_loaded();
  std::int64_t growth(std::int64_t iterations) const;
  void hold_growth();
  bool fit_decodes(std::int64_t& iterations);
  void stepped(const Event& event);
  void preempt(Job& job);
  void start_prefill(Job& job);

  // instance_waits.cpp: for explanations
  bool has_room(const Job& job, std::int64_t slots) const;
  RequestId owner_joined(const Job& job, Flow flow) const;
  Wait network_wait(const Job& job) const;
  Wait pcie_wait(const Job& job) const;
  Wait wait_of(const Job& job) const;

  // instance_write.cpp: the ways back
  void write_back(const RequestSpec& spec, std::int32_t from, std::int32_t to);
  void dispatch_writes();
  void stored(const Event& event);

  Job& new_job();
  std::uint32_t new_run(Flow flow);
  void free_run(std::uint32_t slot);
  RunId run_id(std::uint32_t slot) const;
  static std::uint32_t slot_of(RunId id);
  Run& run_of(RunId id);
  Command& command(CommandKind kind);
  void set_timer(Instant at);

  EngineConfig config_;
  InstanceResources resources_;
  const models::CostModel* estimates_;
  std::unique_ptr<policies::OrderPolicy> network_order_;
  std::unique_ptr<policies::OrderPolicy> pcie_order_;
  std::unique_ptr<policies::OrderPolicy> prefill_order_;
  std::unique_ptr<policies::RestorePolicy> restore_;
  bool walks_;
  bool counts_outstanding_ = false;  ///< a policy looks at the work of all requests
  std::int64_t host_reserve_ = 0;    ///< slots that loads leave to write-back

  KvBook gpu_;
  KvBook host_;
  KvBook fetched_before_;  ///< for Counters::reloaded_blocks: a memory of what has come
  std::int64_t committed_ = 0;
  std::int64_t owed_ = 0;
  Demand outstanding_;  ///< of all requests that have no first token

  std::deque<Job> jobs_;
  std::vector<std::uint32_t> free_jobs_;
  std::deque<Run> runs_;
  std::vector<std::uint32_t> free_runs_;
  std::uint32_t next_serial_ = 1;
  std::uint64_t next_sequence_ = 0;
  Queue<NetTag, &Job::network_key> network_queue_;
  Queue<PcieTag, &Job::pcie_key> pcie_queue_;
  Queue<WaitTag, &Job::prefill_key> waiting_;
  /// late: last. Those that will be late unless something is done for them: none later here than it
  /// is due, some earlier.
  boost::intrusive::set<Job, boost::intrusive::base_hook<Hook<DeadlineTag>>,
                        boost::intrusive::compare<ByDeadline>>
      deadlines_;
  std::vector<std::uint32_t> now_late_;  ///< reused by put_late_last()

  std::vector<std::uint32_t> active_fetches_;  ///< slots of runs in flight
  std::vector<std::uint32_t> active_copies_;
  std::int64_t copies_ahead_ = 0;  ///< copies in flight that do not follow a running fetch
  std::int64_t ready_copies_ = 0;  ///< jobs in the PCIe queue that have been promised GPU memory
  std::int64_t writes_in_flight_ = 0;
  std::vector<bool> down_;        ///< by storage node
  std::int64_t draining_ = 0;     ///< runs that have ended and may still write
  std::int64_t quarantined_ = 0;  ///< host slots that they may write to
  std::deque<Writing> writes_;
  std::int64_t lookups_in_flight_ = 0;
  std::int64_t timers_ = 0;       ///< set and not yet over
  double worst_prefetching_ = 0;  ///< key; only while the bound on them is reached
  std::int64_t prefetching_ = 0;  ///< waiting jobs whose network load has been enabled

  StepPhase step_phase_ = StepPhase::idle;
  RunId step_id_{};
  std::int64_t step_iterations_ = 0;
  std::int64_t step_growth_ = 0;
  bool step_cut_ = false;
  StepLimit step_limit_ = StepLimit::none;
  Instant step_formed_{};
  std::vector<std::uint32_t> members_;                    ///< jobs with prefill tokens in this step
  std::vector<std::uint32_t> prefilling_;                 ///< in order of admission
  std::vector<std::uint32_t> decoding_;                   ///< in order of admission
  std::vector<Job*> holders_;                             ///< reused by release_worst()
  std::vector<std::uint32_t> due_decodes_, due_members_;  ///< reused while a step is taken apart
  bool step_decodes_ = false;                             ///< the running step advances `decoding_`
  bool again_ = false;         ///< the PCIe stage sent a job back to the network
  std::uint32_t only_ = none;  ///< while others give way: the one request that may take memory
  bool now_loaded_ = false;    ///< a request that waited for loads may not have to any more
  bool reform_ = false;        ///< something changed that could join a batch

  std::vector<Event> deferred_;  ///< completion_seen: at_step
  std::vector<Event> due_;
  RunId poll_{};
  bool poll_set_ = false;

  std::vector<Stretch> stretches_;  ///< of the request that is planned
  std::vector<policies::RestoreOption> options_;
  std::vector<BlockRun> scratch_;
  std::vector<KvBook::Piece> pieces_;
  Instant now_{};
  std::int64_t unfinished_ = 0;
  Counters counters_;
  CommandBuffer* out_ = nullptr;
  std::vector<Decision>* decisions_ = nullptr;
};

}  // namespace calvo::control

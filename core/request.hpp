// What a workload knows of a request, and what a run says of it afterwards.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/units.hpp"

namespace calvo {

/// `count` blocks with consecutive ids, in prefix order.
struct BlockRun {
  BlockId first{};
  std::int32_t count = 0;

  friend bool operator==(const BlockRun&, const BlockRun&) = default;
};

/// The block at `index` of `run`; at run.count, the one that would follow.
constexpr BlockId block_of(const BlockRun& run, std::int64_t index) {
  return BlockId{raw(run.first) + static_cast<std::uint64_t>(index)};
}

/// What follows the first `count` blocks of `run`.
constexpr BlockRun behind(const BlockRun& run, std::int32_t count) {
  return {block_of(run, count), run.count - count};
}

/// One request as it arrives. Owned by the workload, which keeps it in place until the run ends.
struct RequestSpec {
  RequestId id{};         ///< unique in the run
  SessionId session{};    ///< requests of one session share it; a lone request has its own
  std::int32_t turn = 0;  ///< 0 for the first request of its stream
  Instant arrival{};      ///< scheduled date (open loop) or the date it was emitted (closed loop)
  Tokens input;           ///< whole prompt, >= 1
  Tokens output;          ///< tokens to generate, >= 1, the first one by prefill
  /// Full KV blocks of the prompt, then those that the output completes, in prefix order.
  /// A block that is never full has no name and is never shared.
  std::vector<BlockRun> blocks;
  std::int32_t prompt_blocks = 0;  ///< floor(input / block size): how many of `blocks` are prompt
  /// Leading prompt blocks that an earlier request of the trace also has (its prompt or output):
  /// what an infinite pool would hit. Basis of the isolated TTFT.
  std::int32_t pool_hit_blocks = 0;
  Nanoseconds isolated_ttft{0};              ///< 0 if not computed
  Nanoseconds deadline{Nanoseconds::max()};  ///< TTFT objective, relative to arrival; max: none
};

/// Dates of a request's life in one instance; `never` where it did not come to that.
/// TTFT splits without rest into
///   lookup  = lookup_done - arrival
///   queue   = (load_start - lookup_done) + (prefill_start - loaded)
///   network = network_done - load_start
///   pcie    = loaded - network_done
///   compute = first_token - prefill_start
/// where a stage that the request skips takes no time.
struct RequestTimes {
  Instant arrival = never;
  Instant lookup_done = never;    ///< prefix known, order key computed
  Instant load_start = never;     ///< first transfer for it issued (or joined)
  Instant network_done = never;   ///< last of its blocks landed in host memory
  Instant loaded = never;         ///< last of its blocks landed in GPU memory
  Instant prefill_start = never;  ///< first step that has tokens of it
  Instant first_token = never;
  Instant finish = never;
};

enum class Outcome : std::uint8_t { unfinished, completed, rejected, cancelled };

/// Why a request was refused; `none` unless its outcome is `rejected`.
enum class RejectReason : std::uint8_t { none, larger_than_gpu_memory };

constexpr std::string_view name_of(Outcome outcome) {
  constexpr std::string_view names[] = {"unfinished", "completed", "rejected", "cancelled"};
  return names[static_cast<std::size_t>(outcome)];
}
constexpr std::string_view name_of(RejectReason reason) {
  constexpr std::string_view names[] = {"", "larger than GPU memory"};
  return names[static_cast<std::size_t>(reason)];
}

/// One row of requests.csv before derivation.
struct RequestRecord {
  RequestId id{};
  SessionId session{};
  std::int32_t turn = 0;
  InstanceId instance{};
  Tokens input;
  Tokens cached;  ///< prompt tokens whose KV was not computed by this request
  Tokens output;  ///< tokens generated
  RequestTimes times;
  Nanoseconds deadline{Nanoseconds::max()};
  Nanoseconds isolated_ttft{0};
  Outcome outcome = Outcome::unfinished;
  RejectReason reason = RejectReason::none;
  std::int32_t preemptions = 0;
};

}  // namespace calvo

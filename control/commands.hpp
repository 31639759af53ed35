// What reducers ask drivers to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/request.hpp"
#include "models/compute_model.hpp"

namespace calvo::control {

enum class CommandKind : std::uint8_t {
  dispatch,  ///< router: request goes to `instance`
  lookup,    ///< run, request, [from, to): which leading blocks of these does the remote pool have?
  fetch,     ///< run, request, [from, to) from `node` into host memory
  cut_fetch,  ///< run: post nothing more of it; nothing happens if it has just ended
  copy_in,    ///< run, request, [from, to) host to GPU; if `after` is set, each block as it lands
  cut_copy,   ///< run, likewise
  copy_out,   ///< run, blocks: GPU to host
  store,      ///< run, blocks: host to `node`
  run_step,   ///< run, iterations, gate; parts and decodes in the buffer
  cut_step,   ///< run: stop at the next iteration boundary
  set_timer,  ///< run, at
  preempt,    ///< request: gives up its GPU memory and will compute anew
  finish,     ///< request: completed; times and cached
  reject,     ///< request, reason
  cancelled,  ///< request: left at the client's wish
};

/// A small number that no other transfer in flight of the same instance has, for tables of drivers.
constexpr std::uint32_t slot_of(RunId run) {
  return static_cast<std::uint32_t>(raw(run) & 0xffffffU);
}

/// `layers`: layer l of the step may start once layer l of its copies has landed.
enum class Gate : std::uint8_t { none, copies, layers };

struct Command {
  CommandKind kind{};
  Gate gate = Gate::none;
  RejectReason reason = RejectReason::none;
  bool layer_major = false;  ///< copy_in: layer by layer over all its blocks
  InstanceId instance{};
  StorageId node{};
  RequestId request{};
  RunId run{};
  RunId after{};          ///< copy_in: the fetch whose blocks it follows; 0: none
  BlockRun blocks{};      ///< copy_out, store
  std::int32_t from = 0;  ///< block positions in the request's RequestSpec::blocks
  std::int32_t to = 0;
  std::int64_t iterations = 1;  ///< run_step
  std::int32_t first_part = 0;  ///< run_step: its slice of CommandBuffer::parts
  std::int32_t parts = 0;
  std::int32_t first_decode = 0;  ///< run_step: its slice of CommandBuffer::decodes
  std::int32_t decodes = 0;
  Tokens decode_context;         ///< run_step: sum over decodes, at the first iteration
  Instant at{};                  ///< set_timer
  Tokens cached;                 ///< finish
  std::int32_t preemptions = 0;  ///< finish
  RequestTimes times;            ///< finish
};

/// A request's share of a step's prefill.
struct StepPart {
  RequestId request{};
  models::PrefillPart tokens;
};

/// Commands of one batch, in the order they are to be carried out. Reused from batch to batch.
struct CommandBuffer {
  std::vector<Command> commands;
  std::vector<StepPart> parts;
  std::vector<RequestId> decodes;

  /// Those of one run_step.
  std::span<const StepPart> parts_of(const Command& step) const {
    return std::span(parts).subspan(static_cast<std::size_t>(step.first_part),
                                    static_cast<std::size_t>(step.parts));
  }
  std::span<const RequestId> decodes_of(const Command& step) const {
    return std::span(decodes).subspan(static_cast<std::size_t>(step.first_decode),
                                      static_cast<std::size_t>(step.decodes));
  }

  void clear() {
    commands.clear();
    parts.clear();
    decodes.clear();
  }
};

}  // namespace calvo::control

// What drivers tell reducers. An event carries its date; a reducer reads no clock.
#pragma once

#include <cstdint>

#include "core/request.hpp"

namespace calvo::control {

enum class EventKind : std::uint8_t {
  arrival,      ///< spec
  lookup_done,  ///< run, blocks: end position of the contiguous remote hit
  fetch_done,   ///< run, blocks: how many of the run landed, status
  copy_done,    ///< run, blocks
  store_done,   ///< run, blocks: copy_out or store, whichever `run` names
  step_done,    ///< run, iterations
  drained,      ///< run: a cut transfer's memory can no longer be written
  timer,        ///< run
  node_down,    ///< node
  node_up,      ///< node
  cancel,       ///< request: its client has gone
  finished,     ///< to the router only: request has left its instance
};

enum class TransferStatus : std::uint8_t { ok, missing, corrupt, timeout, cut };

struct Event {
  EventKind kind{};
  TransferStatus status = TransferStatus::ok;
  Instant time{};
  RequestId request{};
  RunId run{};
  std::int64_t iterations = 0;
  std::int32_t blocks = 0;
  StorageId node{};
  const RequestSpec* spec = nullptr;  ///< arrival: outlives the run
};

}  // namespace calvo::control

// What drivers tell reducers. An event carries its date; a reducer reads no clock.
//
// The end of a transfer. `fetch_done` says how many leading blocks of the run have landed and been
// verified; the rest has not. With any status but `timeout` the driver guarantees that nothing
// writes to the slots of the rest any more: they are free. With `timeout` the connection is still
// being torn down and may yet write to them: they belong to nobody until `drained{run}`, which
// follows exactly once, however late, also if the request has ended by then; the run's id stays
// taken as long. A copy that follows such a fetch (Command::after) ends with what has landed, as
// behind a cut. `store_done` with any status but `ok`: nothing was stored, and nobody reads the
// slots any more.
//
// Nodes. Between `node_down` and `node_up` a node is asked for nothing and given nothing;
// transfers that are in flight there end by their own events. A lookup that gets no answer ends
// as one that found nothing (`lookup_done` with blocks = Command::from).
#pragma once

#include <cstdint>

#include "core/request.hpp"

namespace calvo::control {

enum class EventKind : std::uint8_t {
  arrival,      ///< spec
  lookup_done,  ///< run, blocks: end position of the contiguous remote hit
  fetch_done,   ///< run, blocks: how many of the run landed and are good, status
  copy_done,    ///< run, blocks
  store_done,   ///< run, blocks: copy_out or store, whichever `run` names; status
  step_done,    ///< run, iterations
  drained,      ///< run: the memory of a fetch that ended by timeout can no longer be written
  timer,        ///< run
  node_down,    ///< node: not to be used from now on
  node_up,      ///< node: to be used again
  cancel,       ///< request: its client has gone
  finished,     ///< to the router only: request has left its instance
};

enum class TransferStatus : std::uint8_t {
  ok,
  missing,  ///< the node does not have the first block that did not land
  corrupt,  ///< that block was not what it should be
  timeout,  ///< the node did not answer in time, or its connection broke
  cut,      ///< at the control plane's wish
};

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

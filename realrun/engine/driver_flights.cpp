// What a transfer or a step held is let go when it says that it is over, before the control plane
// hears of it.
#include <algorithm>
#include <utility>

#include "core/contract.hpp"
#include "realrun/engine/driver.hpp"

namespace calvo::realrun {

using control::CommandKind;
using control::TransferStatus;

namespace {

/// The block has not come: its place is nobody's. Whoever holds it may still write it.
void give_up(Places& places, BlockId block, std::int32_t place) {
  if (places.find(block) == place) places.release(place);
}

Flight take_flight(InstanceHost& host, RunId run) {
  const auto found = host.flights.find(raw(run));
  CALVO_EXPECT(found != host.flights.end());
  Flight flight = std::move(found->second);
  host.flights.erase(found);
  return flight;
}

}  // namespace

void Driver::fetched(InstanceHost& host, const Notice& notice) {
  const auto found = host.flights.find(raw(notice.event.run));
  CALVO_EXPECT(found != host.flights.end());
  Flight& flight = found->second;
  Places& slots = host.addresses->slots();
  const bool silent = notice.event.status == TransferStatus::timeout;
  flight.landed = static_cast<std::size_t>(notice.event.blocks);
  for (std::size_t i = 0; i < flight.slots.size(); ++i) {
    if (i >= flight.landed) give_up(slots, flight.blocks[i], flight.slots[i]);
    if (i < flight.landed || !silent) slots.drop(flight.slots[i]);
  }
  host.rail_load[flight.rail] -= static_cast<std::int64_t>(flight.blocks.size());
  if (flight.landed > 0) bar(host.network_in[flight.rail], flight, "network_load", notice);
  if (silent) return;  // the rest is held until it has drained
  host.flights.erase(found);
  --in_flight_;
}

void Driver::drained(InstanceHost& host, RunId run) {
  const Flight flight = take_flight(host, run);
  for (std::size_t i = flight.landed; i < flight.slots.size(); ++i) {
    host.addresses->slots().drop(flight.slots[i]);
  }
  --in_flight_;
}

void Driver::copied(InstanceHost& host, const Notice& notice) {
  const Flight flight = take_flight(host, notice.event.run);
  const auto done = static_cast<std::size_t>(notice.event.blocks);
  for (std::size_t i = 0; i < flight.pages.size(); ++i) {
    if (i >= done) give_up(host.addresses->pages(), flight.blocks[i], flight.pages[i]);
    host.addresses->pages().drop(flight.pages[i]);
    host.addresses->slots().drop(flight.slots[i]);
  }
  if (done > 0) bar(host.pcie_in, flight, "pcie_load", notice);
  --in_flight_;
}

void Driver::stored(InstanceHost& host, const Notice& notice) {
  const Flight flight = take_flight(host, notice.event.run);
  for (const std::int32_t slot : flight.slots) host.addresses->slots().drop(slot);
  for (const std::int32_t page : flight.pages) host.addresses->pages().drop(page);
  if (scenario_.engine.write == control::Write::on_evict) {
    (flight.kind == CommandKind::copy_out ? host.staged_pages : host.staged_slots) -=
        static_cast<std::int64_t>(flight.blocks.size());
  }
  if (flight.kind == CommandKind::copy_out) {
    bar(host.pcie_out, flight, "pcie_store", notice);
  } else {
    host.rail_load[flight.rail] -= static_cast<std::int64_t>(flight.blocks.size());
    bar(host.network_out[flight.rail], flight, "network_store", notice);
  }
  --in_flight_;
}

void Driver::stepped(InstanceHost& host, const Notice& notice) {
  CALVO_EXPECT(host.stepping);
  host.stepping = false;
  host.prefilled.clear();
  bool prompts = false, decodes = false;
  for (const InstanceHost::Part& part : host.step) {
    const RequestSpec& spec = *part.spec;
    std::int64_t& generated = generated_[raw(spec.id)];
    if (part.decode) {
      decodes = true;
      generated += notice.event.iterations;
      host.addresses->computed(spec.id, part.computed + notice.event.iterations);
      continue;
    }
    prompts = true;
    host.addresses->computed(spec.id, part.computed);
    if (part.computed < spec.input.count() + generated) continue;
    ++generated;
    host.prefilled.push_back(&spec);
  }
  const char* what = !prompts ? "decode" : decodes ? "prefill+decode" : "prefill";
  const RequestSpec* only = prompts && host.step.size() == 1 ? host.step.front().spec : nullptr;
  timeline_.add(host.gpu_track, only, what, notice.began, notice.ended);
  --in_flight_;
}

void Driver::bar(std::uint32_t track, const Flight& flight, const char* what,
                 const Notice& notice) {
  timeline_.add(track, flight.spec, what, notice.began, notice.ended);
}

}  // namespace calvo::realrun

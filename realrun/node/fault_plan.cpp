#include "realrun/node/fault_plan.hpp"

#include <algorithm>
#include <utility>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

bool is_active(const Fault& fault, Seconds now) {
  return fault.from <= now && now < fault.until;
}

SendGate::Verdict verdict_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::drop:
      return SendGate::Verdict::drop_connection;
    case FaultKind::corrupt:
      return SendGate::Verdict::corrupt;
    case FaultKind::truncate:
      return SendGate::Verdict::truncate;
    default:
      return SendGate::Verdict::send;
  }
}

}  // namespace

FaultPlan::FaultPlan(FaultScript script, std::int64_t stride)
    : script_(std::move(script)),
      stride_(static_cast<std::uint64_t>(stride)),
      random_(script_.seed) {
  CALVO_EXPECT(stride > 0);
}

bool FaultPlan::active(FaultKind kind, Seconds now) const {
  return std::ranges::any_of(script_.faults, [&](const Fault& fault) {
    return fault.kind == kind && is_active(fault, now);
  });
}

double FaultPlan::speed(Seconds now) const {
  double speed = 1;
  for (const Fault& fault : script_.faults) {
    if (fault.kind == FaultKind::slow && is_active(fault, now)) speed *= fault.amount;
  }
  return speed;
}

Seconds FaultPlan::delay(Seconds now) const {
  Seconds delay{0};
  for (const Fault& fault : script_.faults) {
    if (fault.kind == FaultKind::delay && is_active(fault, now)) delay += Seconds{fault.amount};
  }
  return delay;
}

Seconds FaultPlan::next_change(Seconds now) const {
  Seconds next{1e18};
  for (const Fault& fault : script_.faults) {
    for (const Seconds date : {fault.from, fault.until}) {
      if (date > now) next = std::min(next, date);
    }
  }
  return next;
}

SendGate::Verdict FaultPlan::draw(Seconds now, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t first = (offset + stride_ - 1) / stride_;
  const std::uint64_t end = (offset + bytes + stride_ - 1) / stride_;
  for (const Fault& fault : script_.faults) {
    const SendGate::Verdict verdict = verdict_of(fault.kind);
    if (verdict == SendGate::Verdict::send || !is_active(fault, now)) continue;
    for (std::uint64_t block = first; block < end; ++block) {
      if (fault.amount == 0 || random_.uniform() < fault.amount) return verdict;
    }
  }
  return SendGate::Verdict::send;
}

}  // namespace calvo::realrun

// What a fault script means at a given time. Reads no clock.
#pragma once

#include <cstdint>

#include "core/random.hpp"
#include "core/units.hpp"
#include "realrun/fabrics/fabric.hpp"
#include "realrun/node/fault_script.hpp"

namespace calvo::realrun {

/// Times count from the node's start. Const members may be called from several threads at once.
class FaultPlan {
public:
  /// `stride`: bytes from one slot of the pool to the next.
  FaultPlan(FaultScript script, std::int64_t stride);

  bool dead(Seconds now) const { return active(FaultKind::die, now); }
  bool hung(Seconds now) const { return active(FaultKind::hang, now); }
  /// Share of the pace that is left: the product of what slows.
  double speed(Seconds now) const;
  Seconds delay(Seconds now) const;
  /// When a fault begins or ends next; 1e18 s: never.
  Seconds next_change(Seconds now) const;

  /// What happens to a piece. Chance is drawn once for each block that begins in the piece, in the
  /// order of the calls; of several faults the first of the script that strikes counts.
  SendGate::Verdict draw(Seconds now, std::uint64_t offset, std::uint64_t bytes);

private:
  bool active(FaultKind kind, Seconds now) const;

  FaultScript script_;
  std::uint64_t stride_;
  Random random_;
};

}  // namespace calvo::realrun

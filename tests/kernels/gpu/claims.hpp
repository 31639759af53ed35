// What each kernel must do, on any machine.
#pragma once

#include <ostream>
#include <vector>

#include "tests/kernels/gpu/machine.hpp"

namespace calvo::kernels::gpu::testing {

struct Claim {
  const char* name;
  void (*hold)(Machine& machine, unsigned seed);

  friend std::ostream& operator<<(std::ostream& to, const Claim& claim) { return to << claim.name; }
};

std::vector<Claim> attention_claims();
std::vector<Claim> copy_claims();
std::vector<Claim> elementwise_claims();

}  // namespace calvo::kernels::gpu::testing

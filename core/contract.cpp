#include "core/contract.hpp"

namespace calvo {

void contract_broken(const char* kind, const char* condition, const char* file, int line) {
  throw ContractViolation(std::string(file) + ":" + std::to_string(line) + ": " + kind +
                          " failed: " + condition);
}

}  // namespace calvo

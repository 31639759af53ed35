// Contracts: a broken one is a bug in our code, never wrong input. Always on.
#pragma once

#include <stdexcept>
#include <string>

namespace calvo {

struct ContractViolation : std::logic_error {
  using std::logic_error::logic_error;
};

/// Throws ContractViolation; out of line so that a check costs its condition only.
[[noreturn]] void contract_broken(const char* kind, const char* condition, const char* file,
                                  int line);

}  // namespace calvo

#define CALVO_CONTRACT_(kind, condition)               \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::calvo::contract_broken(kind, #condition, __FILE__, __LINE__))

/// The caller's promise.
#define CALVO_EXPECT(condition) CALVO_CONTRACT_("precondition", condition)
/// Our promise.
#define CALVO_ENSURE(condition) CALVO_CONTRACT_("postcondition", condition)

#include "realrun/devices/thread_tools.hpp"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

thread_local int pinned_to = -1;

}  // namespace

void pin_this_thread(std::optional<int> core) {
  if (!core || pinned_to == *core) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(*core), &set);
  CALVO_ENSURE(pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0);
  pinned_to = *core;
}

void expect_core(std::optional<int> core, std::string_view option) {
  if (!core) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CALVO_ENSURE(sched_getaffinity(0, sizeof set, &set) == 0);
  std::vector<int> usable;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (!CPU_ISSET(static_cast<std::size_t>(i), &set)) continue;
    if (i == *core) return;
    usable.push_back(i);
  }
  throw InputError({"device", 0, 0}, std::string(option),
                   fmt::format("this process may not run on core {} (one of: {})", *core,
                               fmt::join(usable, ", ")));
}

void wake_in_time() {
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // nanoseconds; best effort
}

}  // namespace calvo::realrun

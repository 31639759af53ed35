// A process that may not lock memory, whoever runs it.
#pragma once

#include <stdexcept>

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace calvo::realrun {

/// This thread's process may lock `bytes` from now on. For processes that end soon: there is no way
/// back.
inline void lock_at_most(rlim_t bytes) {
  const rlimit limit{bytes, bytes};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3] = {};
  bool done = ::setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
  done = done && ::syscall(SYS_capget, &header, rights) == 0;
  rights[0].effective &= ~(1U << CAP_IPC_LOCK);
  done = done && ::syscall(SYS_capset, &header, rights) == 0;
  if (!done) throw std::runtime_error("the limit of locked memory cannot be set");
}

}  // namespace calvo::realrun

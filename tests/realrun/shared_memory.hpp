// What a killed process leaves behind in /dev/shm.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include <sys/types.h>

namespace calvo::realrun {

/// libfabric's shm provider names its regions /dev/shm/PID:... and removes them at the end only.
inline void remove_shared_memory(pid_t process) {
  const std::string prefix = std::to_string(process) + ":";
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", ignored)) {
    if (entry.path().filename().string().starts_with(prefix)) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

}  // namespace calvo::realrun

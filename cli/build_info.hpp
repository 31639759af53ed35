#pragma once

#include <string>

namespace calvo::cli {

/// What this program was built from and by; what is unknown is empty.
struct BuildInfo {
  std::string version;
  std::string git_commit;  ///< when the build was configured
  std::string compiler;
  std::string build_type;
  std::string simgrid_version;
};
BuildInfo build_info();

}  // namespace calvo::cli

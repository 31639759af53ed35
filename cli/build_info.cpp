#include "cli/build_info.hpp"

namespace calvo::cli {

// The macros come from CMakeLists.txt, for this file only.
BuildInfo build_info() {
  return {.version = CALVO_VERSION,
          .git_commit = CALVO_GIT_COMMIT,
          .compiler = CALVO_COMPILER,
          .build_type = CALVO_BUILD_TYPE,
          .simgrid_version = CALVO_SIMGRID_VERSION};
}

}  // namespace calvo::cli

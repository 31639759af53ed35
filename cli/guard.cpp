#include "cli/guard.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>

#include <fmt/format.h>

#include "cli/build_info.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"

namespace calvo::cli {

std::string version_text() {
  const BuildInfo build = build_info();
  return fmt::format("calvo {}{} ({}, {}, SimGrid {})", build.version,
                     build.git_commit.empty() ? "" : " " + build.git_commit, build.compiler,
                     build.build_type, build.simgrid_version);
}

int complain(const std::string& problem) {
  std::fflush(stdout);
  fmt::print(stderr, "calvo: {}\n", problem);
  return bad_input;
}

int guarded(const std::function<int()>& work) noexcept {
  try {
    return work();
  } catch (const InputError& error) {
    return complain(error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return complain(fmt::format("{}: cannot be used ({}); see who may read and write there",
                                error.path1().string(), error.code().message()));
  } catch (const std::exception& error) {
    std::fflush(stdout);
    fmt::print(stderr,
               "calvo: internal error: {}\n"
               "This is a bug of calvo and not of your input. Please report it with the command\n"
               "line, the scenario file and this: {}\n",
               error.what(), version_text());
    return bug;
  }
}

}  // namespace calvo::cli

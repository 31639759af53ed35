#include "cli/guard.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "cli/build_info.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"

namespace calvo::cli {
namespace {

/// Whether there are no more processes, threads, files or memory to be had.
bool is_a_limit(const std::error_code& code) {
  for (const std::errc limit :
       {std::errc::resource_unavailable_try_again, std::errc::too_many_files_open,
        std::errc::too_many_files_open_in_system, std::errc::not_enough_memory}) {
    if (code == limit) return true;
  }
  return false;
}

int complain_of_bug(const char* what) {
  std::fflush(stdout);
  fmt::print(stderr,
             "calvo: internal error: {}\n"
             "This is a bug of calvo and not of your input. Please report it with the command\n"
             "line, the scenario file and this: {}\n",
             what, version_text());
  return bug;
}

}  // namespace

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
  } catch (const std::system_error& error) {
    return is_a_limit(error.code())
               ? complain(fmt::format("{}; the system gives no more: raise its limits (ulimit -a), "
                                      "or do less at a time (--jobs)",
                                      error.what()))
               : complain_of_bug(error.what());
  } catch (const std::exception& error) {
    return complain_of_bug(error.what());
  }
}

}  // namespace calvo::cli

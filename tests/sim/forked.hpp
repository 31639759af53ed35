// Runs something in a child process: SimGrid allows one engine in the life of a process.
#pragma once

#include <cstddef>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace calvo::sim {

/// Returns what `probe`, a function that returns std::vector<T>, returns in a child process.
/// Throws if the child throws or an expectation fails in it; the message goes to stderr or stdout.
template <class Probe>
auto in_child(const Probe& probe) -> std::invoke_result_t<Probe> {
  using Values = std::invoke_result_t<Probe>;
  using Value = typename Values::value_type;
  static_assert(std::is_trivially_copyable_v<Value>);
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  std::cout.flush();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no child");
  if (child == 0) {
    close(ends[0]);
    int status = 1;
    try {
      const Values values = probe();
      const char* data = reinterpret_cast<const char*>(values.data());
      std::size_t left = values.size() * sizeof(Value);
      while (left > 0) {
        const ssize_t n = write(ends[1], data, left);
        if (n <= 0) throw std::runtime_error("pipe broken");
        data += n;
        left -= static_cast<std::size_t>(n);
      }
      status = ::testing::Test::HasFailure() ? 1 : 0;
    } catch (const std::exception& error) {
      std::cerr << "child: " << error.what() << std::endl;
    }
    std::cout.flush();
    _exit(status);  // not the parent's exit handlers
  }
  close(ends[1]);
  std::string bytes;
  char buffer[65536];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    bytes.append(buffer, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("child failed");
  Values values(bytes.size() / sizeof(Value));
  bytes.copy(reinterpret_cast<char*>(values.data()), bytes.size());
  return values;
}

}  // namespace calvo::sim

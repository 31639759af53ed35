// The built program as its users meet it: arguments in, text, files and an exit code out.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace calvo::testing {

struct Ran {
  int exit_code = -1;  ///< 128 + n if signal n ended it
  std::string out;
  std::string err;
};

/// A directory of its own for a test, in which programs run and find what it writes there. Gone
/// when the test is.
class Workplace {
public:
  Workplace();
  ~Workplace();
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  void write(const std::string& name, const std::string& text) const;
  /// Expects the file to be there.
  std::string read(const std::string& name) const;
  /// Names of everything in it, sorted, but for what run() itself leaves.
  std::vector<std::string> files() const;

  /// Runs calvo here and waits for it.
  Ran run(const std::vector<std::string>& arguments) const;
  /// The same, and sends `signal` as soon as `ready` says so (asked every few milliseconds).
  template <class Ready>
  Ran run_and_signal(const std::vector<std::string>& arguments, int signal, Ready ready) const {
    const int process = start(arguments);
    while (!ready() && !ended(process)) pause();
    send(process, signal);
    return wait(process);
  }

private:
  int start(const std::vector<std::string>& arguments) const;
  static bool ended(int process);
  static void send(int process, int signal);
  static void pause();
  Ran wait(int process) const;

  std::filesystem::path path_;
};

/// A scenario that loads more than it computes: 60 requests, a tenth of a second to simulate.
std::string small_scenario();
/// The same with so many requests that it takes minutes.
std::string endless_scenario();

}  // namespace calvo::testing

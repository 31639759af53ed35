#include "cli/signals.hpp"

#include <csignal>
#include <cstring>

#include <signal.h>
#include <unistd.h>

#include "cli/verb.hpp"

namespace calvo::cli {
namespace {

const char* last_words = "";

// Only what POSIX allows in a handler.
void end(int) {
  [[maybe_unused]] const ssize_t told = ::write(STDERR_FILENO, last_words, std::strlen(last_words));
  ::_exit(interrupted);
}

}  // namespace

void hold_signals() {
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &both, nullptr);
}

void end_on_signals(const char* line) {
  last_words = line;
  struct sigaction action {};
  action.sa_handler = end;
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);  // a shell's "&"
  }
}

}  // namespace calvo::cli

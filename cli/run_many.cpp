#include "cli/run_many.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/guard.hpp"
#include "cli/verb.hpp"
#include "core/system_call.hpp"

namespace calvo::cli {
namespace {

// Written only while signals are blocked or before children exist; read by the handler.
constexpr std::size_t most_children = 256;
std::array<volatile pid_t, most_children> children;
volatile std::sig_atomic_t stop_wanted = 0;

void pass_on(int signal) {
  stop_wanted = 1;
  for (const volatile pid_t& child : children) {
    if (child > 0) ::kill(child, signal);
  }
}

sigset_t both_signals() {
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  return both;
}

/// Signals wait while one of these lives.
class SignalsBlocked {
public:
  SignalsBlocked() {
    const sigset_t both = both_signals();
    sigprocmask(SIG_BLOCK, &both, &before_);
  }
  ~SignalsBlocked() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  const sigset_t& before() const { return before_; }

private:
  sigset_t before_{};
};

struct Child {
  std::size_t job = 0;
  int pipe = -1;  ///< the run directory comes through it
};

/// In the child: never returns.
[[noreturn]] void be_child(RunJob& job, int pipe, const sigset_t& signals) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // if the parent is killed, do not go on alone
  ::setpgid(0, 0);                     // the terminal's Ctrl-C comes through the parent, once
  listen_to_signals();
  // What came since the fork is taken here: the terminal's Ctrl-C reaches a child that still is in
  // the parent's group, the parent passes it on too, and a second one would kill.
  const sigset_t both = both_signals();
  const timespec now{};
  while (::sigtimedwait(&both, nullptr, &now) > 0) want_stop();
  sigprocmask(SIG_SETMASK, &signals, nullptr);
  const int code = guarded([&]() -> int {
    const FinishedRun run = run_one(job.scenario, job.options);
    if (!run.directory.empty()) {
      must(::write(pipe, run.directory.data(), run.directory.size()) ==
               static_cast<ssize_t>(run.directory.size()),
           "write to the parent");
    }
    return told_end(run);
  });
  std::fflush(nullptr);
  ::_exit(code);
}

class Pool {
public:
  Pool(std::vector<RunJob>& jobs, Report report)
      : jobs_(jobs), report_(report), directories_(jobs.size()) {}

  void start(std::size_t job) {
    const SignalsBlocked blocked;
    if (stop_wanted != 0) return;  // whoever asked for it knew no child of this job
    int ends[2];
    must(::pipe(ends) == 0, "pipe");
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
      ::close(ends[0]);
      be_child(jobs_[job], ends[1], blocked.before());
    }
    ::close(ends[1]);
    const auto slot = static_cast<std::size_t>(std::ranges::find(children, 0) - children.begin());
    children[slot] = pid;
    running_[slot] = {job, ends[0]};
    count_ += 1;
  }

  void wait_for_one() {
    siginfo_t ended{};
    int found = -1;
    do {
      found = ::waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT);
    } while (found < 0 && errno == EINTR);
    must(found == 0, "waitid");
    const SignalsBlocked blocked;  // so that no signal is passed on to an id that is free again
    int status = 0;
    const pid_t pid = ::waitpid(ended.si_pid, &status, 0);
    must(pid > 0, "waitpid");
    const auto slot = static_cast<std::size_t>(std::ranges::find(children, pid) - children.begin());
    if (slot == children.size()) return;  // no child of ours
    children[slot] = 0;
    count_ -= 1;
    finish(running_[slot], status);
  }

  int count() const { return count_; }

  ManyRuns result() const {
    ManyRuns runs;
    runs.exit_code = exit_code_;
    for (const std::string& directory : directories_) {
      if (!directory.empty()) runs.directories.push_back(directory);
    }
    return runs;
  }

private:
  void finish(const Child& child, int status) {
    std::array<char, 8192> text;
    const ssize_t size = ::read(child.pipe, text.data(), text.size());
    ::close(child.pipe);
    if (size > 0) directories_[child.job].assign(text.data(), static_cast<std::size_t>(size));
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    exit_code_ = std::max(exit_code_, code);
    const std::string& engine = jobs_[child.job].scenario.engine.name;
    if (WIFSIGNALED(status)) {
      fmt::print(stderr, "calvo: {}: ended by signal {}\n", engine, WTERMSIG(status));
    } else if (size <= 0) {
      fmt::print(stderr, "calvo: {}: failed with exit code {}, as told above\n", engine, code);
    } else if (report_ == Report::each_run) {
      fmt::print(stderr, "{}: {}\n", engine,
                 code == success       ? "done"
                 : code == interrupted ? "interrupted"
                                       : "done, but not all of it could be written");
    }
  }

  std::vector<RunJob>& jobs_;
  Report report_;
  std::vector<std::string> directories_;
  std::array<Child, most_children> running_;
  int count_ = 0;
  int exit_code_ = 0;
};

}  // namespace

void pass_signals_on() {
  struct sigaction action {};
  action.sa_handler = pass_on;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

ManyRuns run_many(std::vector<RunJob>& jobs, int parallel, Report report) {
  pass_signals_on();
  const int most = std::clamp(parallel, 1, static_cast<int>(most_children));
  Pool pool(jobs, report);
  for (std::size_t job = 0; job < jobs.size() && stop_wanted == 0; ++job) {
    if (pool.count() == most) pool.wait_for_one();
    pool.start(job);
  }
  while (pool.count() > 0) pool.wait_for_one();
  ManyRuns runs = pool.result();
  if (stop_wanted != 0) runs.exit_code = std::max<int>(runs.exit_code, interrupted);
  return runs;
}

}  // namespace calvo::cli

#include "cli/sweep_pool.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/run_directory.hpp"
#include "cli/guard.hpp"
#include "cli/sweep_point.hpp"
#include "cli/usage.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/system_call.hpp"

namespace calvo::cli {
namespace {

constexpr int unwritable_code = 3;

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

int memory_file(const char* name) {
  const int file = ::memfd_create(name, MFD_CLOEXEC);
  must(file >= 0, "memfd_create");
  return file;
}

/// Reads all of it and closes it.
std::string take_text(int file) {
  std::string text;
  std::array<char, 1 << 16> buffer;
  ::lseek(file, 0, SEEK_SET);
  for (ssize_t size = 0; (size = ::read(file, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::close(file);
  return text;
}

void write_all(int file, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t size = ::write(file, text.data() + done, text.size() - done);
    must(size > 0, "write to the parent");
    done += static_cast<std::size_t>(size);
  }
}

/// In the child: never returns.
[[noreturn]] void be_child(const sweeps::Plan& plan, const sweeps::Job& job,
                           const std::string& directory, pid_t parent, int result, int messages) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(bug);
  ::setpgid(0, 0);  // the terminal's Ctrl-C is the parent's
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  const sigset_t signals = awaited_signals();
  ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  ::dup2(messages, STDOUT_FILENO);
  ::dup2(messages, STDERR_FILENO);
  const int code = guarded([&]() -> int {
    try {
      write_all(result, run_point(plan, job, directory));
    } catch (const Unwritable& error) {
      fmt::print(stderr, "{}", error.problem());  // who keeps the sweep knows the remedy
      return unwritable_code;
    }
    return success;
  });
  std::fflush(nullptr);
  ::_exit(code);
}

}  // namespace

LocalPool::LocalPool(const sweeps::Plan& plan, std::string points, int slots)
    : plan_(plan), points_(std::move(points)), slots_(slots) {
  const sigset_t signals = awaited_signals();
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
}

LocalPool::~LocalPool() {
  LocalPool::abandon();
}

void LocalPool::start(const sweeps::Job& job) {
  Child child{0, job.point(), memory_file("result"), memory_file("messages"), wall_seconds()};
  std::fflush(nullptr);
  const pid_t self = ::getpid();
  child.process = ::fork();
  must(child.process >= 0, "fork");
  if (child.process == 0) {
    be_child(plan_, job, points_ + "/" + child.point, self, child.result, child.messages);
  }
  children_.push_back(std::move(child));
}

std::vector<FinishedPoint> LocalPool::collect_within(int milliseconds) {
  const sigset_t signals = awaited_signals();
  const timespec moment{milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  const int signal = ::sigtimedwait(&signals, nullptr, &moment);
  if (signal == SIGINT || signal == SIGTERM) stop_wanted_ = true;
  std::vector<FinishedPoint> finished;
  for (std::size_t i = 0; i < children_.size();) {
    int status = 0;
    if (::waitpid(children_[i].process, &status, WNOHANG) == 0) {
      ++i;
      continue;
    }
    finished.push_back(finish(children_[i], status));
    children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return finished;
}

FinishedPoint LocalPool::finish(const Child& child, int status) const {
  FinishedPoint point;
  point.point = child.point;
  point.seconds = wall_seconds() - child.started;
  std::string result = take_text(child.result);
  point.text = take_text(child.messages);
  if (WIFEXITED(status) && WEXITSTATUS(status) == success) {
    point.kind = FinishedPoint::Kind::done;
    point.text = std::move(result);
    return point;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == unwritable_code) {
    point.kind = FinishedPoint::Kind::unwritable;
  }
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    point.text =
        fmt::format("ended by signal {} ({}){}\n{}", signal, ::strsignal(signal),
                    signal == SIGKILL ? "; did the machine run out of memory?" : "", point.text);
  }
  if (point.text.starts_with("calvo: ")) point.text.erase(0, 7);
  std::error_code ignored;  // what is left is found again when the sweep is resumed
  std::filesystem::remove_all(analysis::partial_place(points_ + "/" + child.point), ignored);
  return point;
}

void LocalPool::abandon() {
  for (const Child& child : children_) ::kill(child.process, SIGKILL);
  for (const Child& child : children_) {
    int status = 0;
    while (::waitpid(child.process, &status, 0) < 0 && errno == EINTR) {
    }
    finish(child, status);
  }
  children_.clear();
}

}  // namespace calvo::cli

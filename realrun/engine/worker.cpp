#include "realrun/engine/worker.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace calvo::realrun {
namespace {

constexpr std::uint64_t prompt_slice = 100'000;  // ns; the least that Linux grants

/// Layout of the first version of struct sched_attr, sched_setattr(2). glibc 2.36 has neither the
/// struct nor the calls.
struct SchedAttr {
  std::uint32_t size = 48;
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  ///< SCHED_OTHER: the slice in ns, 0 for the system's
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
static_assert(sizeof(SchedAttr) == 48);

/// Gives the calling thread a slice and keeps all else; returns the one before. Nothing: the thread
/// has another policy, or the kernel does not do it.
std::optional<std::uint64_t> change_slice(std::uint64_t slice) {
  SchedAttr attr;
  if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) != 0) return std::nullopt;
  if (attr.policy != SCHED_OTHER) return std::nullopt;
  const std::uint64_t before = attr.runtime;
  attr.runtime = slice;
  if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0) return std::nullopt;
  return before;
}

}  // namespace

ThreadPlace::ThreadPlace(const std::string& name, std::optional<int> core, Turns turns) {
  const pthread_t self = pthread_self();
  pthread_getname_np(self, name_before_, sizeof name_before_);
  pthread_getaffinity_np(self, sizeof cores_before_, &cores_before_);
  slack_before_ = static_cast<unsigned long>(prctl(PR_GET_TIMERSLACK));
  if (core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(*core), &set);
    const int error = pthread_setaffinity_np(self, sizeof set, &set);
    if (error != 0) {
      throw std::runtime_error("cannot pin thread " + name + " to core " + std::to_string(*core) +
                               ": " + std::strerror(error));
    }
  }
  pthread_setname_np(self, name.c_str());
  prctl(PR_SET_TIMERSLACK, 1000UL);  // ns; 50 us is the default
  if (turns == Turns::prompt) slice_before_ = change_slice(prompt_slice);
}

ThreadPlace::~ThreadPlace() {
  const pthread_t self = pthread_self();
  pthread_setname_np(self, name_before_);
  pthread_setaffinity_np(self, sizeof cores_before_, &cores_before_);
  prctl(PR_SET_TIMERSLACK, slack_before_);
  if (slice_before_) change_slice(*slice_before_);
}

void Worker::start(const std::string& name, std::optional<int> core, NoticeRing& notices,
                   std::function<void()> work, Turns turns) {
  running_ = true;
  thread_ = std::thread([this, name, core, turns, &notices, work = std::move(work)] {
    try {
      const ThreadPlace place(name, core, turns);
      work();
    } catch (...) {
      Notice notice;
      notice.kind = Notice::Kind::failure;
      notice.failure = std::current_exception();
      notices.push(std::move(notice));
    }
    running_ = false;
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace calvo::realrun

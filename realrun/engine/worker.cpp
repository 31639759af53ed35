#include "realrun/engine/worker.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

namespace calvo::realrun {

ThreadPlace::ThreadPlace(const std::string& name, std::optional<int> core) {
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
}

ThreadPlace::~ThreadPlace() {
  const pthread_t self = pthread_self();
  pthread_setname_np(self, name_before_);
  pthread_setaffinity_np(self, sizeof cores_before_, &cores_before_);
  prctl(PR_SET_TIMERSLACK, slack_before_);
}

void Worker::start(const std::string& name, std::optional<int> core, NoticeRing& notices,
                   std::function<void()> work) {
  running_ = true;
  thread_ = std::thread([this, name, core, &notices, work = std::move(work)] {
    try {
      const ThreadPlace place(name, core);
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

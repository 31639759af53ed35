#include "cli/sweep_work.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include "analysis/summary_json.hpp"
#include "core/input_error.hpp"

namespace calvo::cli {
namespace {

using sweeps::Failure;
using sweeps::Job;
using sweeps::Schedule;

/// A folder that is gone when this is.
class PassingFolder {
public:
  PassingFolder() : path_((std::filesystem::temp_directory_path() / "calvo-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
      throw InputError({path_, 0, 0}, "",
                       std::string("cannot be made (") + std::strerror(errno) +
                           "); set TMPDIR to a folder that can be written to");
    }
  }
  ~PassingFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  PassingFolder(const PassingFolder&) = delete;
  PassingFolder& operator=(const PassingFolder&) = delete;
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// From here on they wait for the pool, so that none of them leaves the folder behind.
void hold_signals() {
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &both, nullptr);
}

}  // namespace

Ended work(Schedule& schedule, const PointRecords& records, PointPool& pool,
           SweepProgress& progress) {
  std::deque<Job> waiting;
  std::map<std::string, Job> running;
  const auto take = [&] {
    for (bool more = true; more;) {
      more = false;
      for (const Job& job : schedule.take()) {
        if (auto known = records.find(job.point())) {
          schedule.record(job.point(), std::move(*known));
          more = true;  // it may have brought others
        } else {
          waiting.push_back(job);
        }
      }
    }
  };
  for (take(); !schedule.finished(); take()) {
    while (!waiting.empty() && pool.running() < pool.slots()) {
      running.emplace(waiting.front().point(), waiting.front());
      pool.start(waiting.front());
      waiting.pop_front();
    }
    for (FinishedPoint& point : pool.collect()) {
      const auto entry = running.find(point.point);
      if (point.kind == FinishedPoint::Kind::unwritable) return {false, point.text};
      if (point.kind == FinishedPoint::Kind::done) {
        schedule.record(point.point,
                        analysis::result_of(analysis::summary_from_json(point.text, point.point)));
      } else {
        records.add_failure(entry->second, point.text);
        schedule.record(point.point, Failure{point.text});
      }
      progress.add(point.seconds);
      running.erase(entry);
    }
    if (pool.stop_wanted()) return {true, {}};
    progress.show(schedule);
  }
  return {};
}

int slots_for(int jobs) {
  return jobs > 0 ? jobs : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

bool work_in_passing(Schedule& schedule, int jobs, SweepProgress& progress) {
  hold_signals();
  const PassingFolder folder;
  LocalPool pool(schedule.plan(), folder.path(), slots_for(jobs));
  const PointRecords records{[](const std::string&) { return std::nullopt; },
                             [](const Job&, const std::string&) {}};
  const Ended ended = work(schedule, records, pool, progress);
  pool.abandon();
  if (!ended.unwritable.empty()) {
    throw InputError({folder.path(), 0, 0}, "",
                     "cannot be written to; set TMPDIR to a folder with room\n" + ended.unwritable);
  }
  return ended.interrupted;
}

}  // namespace calvo::cli

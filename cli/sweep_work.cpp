#include "cli/sweep_work.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include "analysis/summary_json.hpp"

namespace calvo::cli {
namespace {

using sweeps::Failure;
using sweeps::Job;
using sweeps::Schedule;

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

}  // namespace calvo::cli

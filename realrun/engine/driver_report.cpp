// What a run leaves behind.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include <sys/resource.h>

#include "core/contract.hpp"
#include "realrun/engine/driver.hpp"

namespace calvo::realrun {
namespace {

double seconds(Nanoseconds time) {
  return to_seconds(time).count();
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

/// User and system time of the process; of each core, ticks that were not idle and all ticks.
/// Source of the latter: proc(5), /proc/stat.
Driver::CpuTimes Driver::cpu_times() {
  CpuTimes times;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  times.process = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);) {
    if (!line.starts_with("cpu") || line.starts_with("cpu ")) continue;
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    double all = 0, idle = 0, ticks = 0;
    for (int field = 0; field < 8 && fields >> ticks; ++field) {
      all += ticks;
      if (field == 3 || field == 4) idle += ticks;  // idle, iowait
    }
    times.cores[std::stoi(name.substr(3))] = {all - idle, all};
  }
  return times;
}

LoadReport Driver::load_report() {
  LoadReport load;
  load.lateness_s = lateness_;
  load.complaints = complaints_;
  for (const auto& [node, absence] : absences_) load.lost_nodes.push_back(absence.of);
  const CpuTimes after = cpu_times();
  const double wall = seconds(clock_.now() - Instant{});
  load.cpu_busy = wall > 0 ? (after.process - cpu_before_.process) / wall : 0;
  double busy = 0, all = 0, spare_busy = 0, spare = 0;
  for (const auto& [core, now] : after.cores) {
    const auto before = cpu_before_.cores.find(core);
    if (before == cpu_before_.cores.end()) continue;
    const double core_busy = now.busy - before->second.busy;
    const double core_all = now.all - before->second.all;
    busy += core_busy;
    all += core_all;
    if (options_.device_options.compute_core == core) continue;
    spare_busy += core_busy;
    spare += core_all;
  }
  load.machine_busy = all > 0 ? busy / all : 0;
  load.spare_cpu_busy = spare > 0 ? spare_busy / spare : load.machine_busy;
  for (const InstanceHost& host : hosts_) {
    for (const auto& rail : host.rails) {
      const RailReport& report = rail->report();
      load.verify_s += seconds(report.verify);
      load.verified_blocks += report.verified_blocks;
      load.corrupt_blocks += report.corrupt_blocks;
      load.timeouts += report.timeouts;
      load.reconnects += report.reconnects;
      load.lookup_s.insert(load.lookup_s.end(), report.lookup_s.begin(), report.lookup_s.end());
      load.lease_s.insert(load.lease_s.end(), report.lease_s.begin(), report.lease_s.end());
    }
  }
  return load;
}

/// After the threads have ended.
RealrunResult Driver::collect() {
  if (options_.event_log_sink) options_.event_log_sink(log_.take());
  for (InstanceHost& host : hosts_) {
    host.addresses->check_canaries();
    if (!result_.complete) continue;
    CALVO_ENSURE(host.instance.unfinished() == 0);
    CALVO_ENSURE(host.flights.empty() && host.addresses->requests() == 0);
    CALVO_ENSURE(host.addresses->pages().held() == 0 && host.addresses->slots().held() == 0);
  }
  RealrunResult result;
  result.load = load_report();
  if (options_.keep_logits) result.logits.resize(static_cast<std::size_t>(requests_.size()));
  for (InstanceHost& host : hosts_) {
    for (auto& [request, logits] : host.compute->report().logits) {
      result.logits[raw(request)] = std::move(logits);
    }
  }
  result.run = std::move(result_);
  result.run.requests = requests_.take();
  Instant begin = result.run.end;
  for (const RequestRecord& request : result.run.requests) {
    begin = std::min(begin, request.times.arrival);
  }
  add_resources(result.run, begin, result.run.end);
  timeline_.move_to(result.run);
  return result;
}

/// Shares of the measured span in which a resource had something to do. Names as in a simulation.
void Driver::add_resources(RunResult& result, Instant begin, Instant end) {
  const double span = seconds(end - begin);
  const auto share = [&](Nanoseconds busy) {
    return span > 0 ? std::min(1.0, seconds(busy) / span) : 0.0;
  };
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    InstanceHost& host = hosts_[i];
    const std::string name = "instance" + std::to_string(i);
    const ComputeReport& compute = host.compute->report();
    ResourceUse gpu{name + ".gpu", ResourceKind::gpu, share(compute.busy), 0, Bytes{0}};
    gpu.prompt_share = share(compute.prompt);
    result.resources.push_back(gpu);
    host.gpu_memory.report(name + ".gpu_memory", scenario_.instance.gpu_blocks, begin, end, result,
                           timeline_);
    host.host_memory.report(name + ".host_memory", scenario_.instance.host_blocks, begin, end,
                            result, timeline_);
    const CopyReport& copy = host.copy->report();
    result.resources.push_back(
        {name + ".gpu0.pcie.h2d", ResourceKind::pcie, share(copy.in), 0, copy.moved_in});
    result.resources.push_back(
        {name + ".gpu0.pcie.d2h", ResourceKind::pcie, share(copy.out), 0, copy.moved_out});
    for (std::size_t rail = 0; rail < host.rails.size(); ++rail) {
      const RailReport& report = host.rails[rail]->report();
      const std::string nic = host.nics + std::to_string(rail);
      result.resources.push_back(
          {nic + ".rx", ResourceKind::network, share(report.reading), 0, report.read});
      result.resources.push_back(
          {nic + ".tx", ResourceKind::network, share(report.storing), 0, report.stored});
    }
    result.counters += host.instance.counters();
  }
}

}  // namespace calvo::realrun

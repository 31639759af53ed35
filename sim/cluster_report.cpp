// What a simulation leaves: its requests, and the use of every resource.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/contract.hpp"
#include "sim/cluster.hpp"

namespace calvo::sim {

RunResult Cluster::collect() {
  RunResult result = std::move(result_);
  result.requests = requests_.take();
  if (world_.stopped()) {
    result.complete = false;
    result.end = world_.date();
  }
  const Instant end = result.end;
  Instant begin = end;
  for (const RequestRecord& request : result.requests) {
    begin = std::min(begin, request.times.arrival);
  }
  const double span = to_seconds(end - begin).count();
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Host& host = hosts_[i];
    const std::string name = "instance" + std::to_string(i);
    if (result.complete) CALVO_ENSURE(host.instance.unfinished() == 0);
    ResourceUse gpu{name + ".gpu", ResourceKind::gpu, 0, 0, Bytes{0}};
    gpu.utilization = span > 0 ? to_seconds(host.gpu.busy_time(end)).count() / span : 0;
    gpu.prompt_share = span > 0 ? to_seconds(host.prompt_time).count() / span : 0;
    result.resources.push_back(gpu);
    host.gpu_memory.report(name + ".gpu_memory", scenario_.instance.gpu_blocks, begin, end, result,
                           timeline_);
    host.host_memory.report(name + ".host_memory", scenario_.instance.host_blocks, begin, end,
                            result, timeline_);
    const Counters& counters = host.instance.counters();
    result.counters += counters;
  }
  for (std::size_t i = 0; i < topology_.links().size(); ++i) {
    const LinkInfo& link = topology_.links()[i];
    const double carried = world_.network().carried(LinkId{static_cast<std::uint32_t>(i)});
    result.resources.push_back({link.name, link.kind, span > 0 ? carried / link.capacity / span : 0,
                                0, Bytes{static_cast<std::int64_t>(std::llround(carried))}});
  }
  for (std::size_t i = 0; i < storage_.size(); ++i) {
    const control::StorageNode& node = storage_[i];
    result.counters.remote_evictions += node.evictions();
    const double used = node.capacity() > 0 ? static_cast<double>(node.used()) /
                                                  static_cast<double>(node.capacity())
                                            : 0;
    result.resources.push_back(
        {"storage" + std::to_string(i) + ".memory", ResourceKind::memory, used, used, Bytes{0}});
    if (timeline_.enabled() && node.capacity() > 0) {
      result.memory.push_back(
          storage_memory_[i].history(result.resources.back().name, end, node.capacity()));
    }
  }
  timeline_.move_to(result);
  return result;
}

}  // namespace calvo::sim

#include "realrun/fabrics/verbs_fabric.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include "realrun/fabrics/verbs.hpp"
#include "realrun/fabrics/verbs_memory.hpp"

namespace calvo::realrun {
namespace verbs {
namespace {

/// Why this machine cannot; asks the kernel, loads nothing of librdmacm where there is no device.
std::optional<std::string> missing() {
  int count = 0;
  ibv_device** list = ibv_get_device_list(&count);
  if (list != nullptr) ibv_free_device_list(list);
  if (list == nullptr || count == 0) {
    return "no RDMA device on this machine (/sys/class/infiniband is empty); tests/rdma-vm runs a "
           "command where there is one in software";
  }
  try {
    make_event_channel();
  } catch (const std::runtime_error& problem) {
    return problem.what();
  }
  return std::nullopt;
}

std::optional<std::string> text_of(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return text;
  }
  if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) return std::nullopt;
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return text;
  }
  return std::nullopt;
}

}  // namespace

std::vector<ibv_context*> open_devices() {
  int count = 0;
  ibv_context** list = rdma_get_devices(&count);
  std::vector<ibv_context*> devices(list, list + (list == nullptr ? 0 : count));
  if (list != nullptr) rdma_free_devices(list);
  return devices;
}

bool every_device_takes_dmabufs() {
  const std::vector<ibv_context*> devices = open_devices();
  return !devices.empty() &&
         std::ranges::all_of(devices, [](ibv_context* device) { return takes_dmabufs(*device); });
}

}  // namespace verbs

FabricInfo verbs_fabric() {
  FabricInfo info{"verbs", "one-sided reads of an RDMA NIC: InfiniBand, RoCE, iWARP",
                  verbs::missing(), nullptr, nullptr};
  if (!info.missing) {
    info.make_client = verbs::make_client;
    info.make_server = verbs::make_server;
  }
  return info;
}

std::vector<std::string> verbs_addresses() {
  std::vector<std::string> found;
  ifaddrs* list = nullptr;
  if (verbs::missing() || ::getifaddrs(&list) != 0) return found;
  const std::unique_ptr<ifaddrs, verbs::Destroy<::freeifaddrs>> owner(list);
  const verbs::EventChannel channel = verbs::make_event_channel();
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    const auto text = verbs::text_of(*entry->ifa_addr);
    if (!text) continue;
    const verbs::CmId id = verbs::make_id(*channel);
    if (rdma_bind_addr(id.get(), entry->ifa_addr) == 0 && id->verbs != nullptr) {
      found.push_back(*text);
    }
  }
  return found;
}

}  // namespace calvo::realrun

#include "realrun/devices/numa.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <fstream>

#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace calvo::realrun {
namespace {

constexpr std::size_t domain_digits = 4;

}  // namespace

std::string sysfs_pci_name(std::string_view bus_id) {
  const std::size_t colon = bus_id.find(':');
  if (colon != std::string_view::npos && colon > domain_digits) {
    bus_id.remove_prefix(colon - domain_digits);  // domains are 32 bits in some tools
  }
  std::string name(bus_id);
  std::ranges::transform(name, name.begin(), [](char c) {
    return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

std::optional<int> numa_node_of_pci(std::string_view bus_id, const std::filesystem::path& sysfs) {
  std::ifstream file(sysfs / "bus" / "pci" / "devices" / sysfs_pci_name(bus_id) / "numa_node");
  int node = -1;
  if (!(file >> node) || node < 0) return std::nullopt;
  return node;
}

// By system calls: libnuma would be one more library for two of them.
bool prefer_numa_node(std::span<std::byte> memory, int node) {
  constexpr int word = static_cast<int>(sizeof(unsigned long) * CHAR_BIT);
  std::array<unsigned long, 16> nodes{};
  if (memory.empty() || node < 0 || node >= word * static_cast<int>(nodes.size())) return false;
  nodes[static_cast<std::size_t>(node / word)] |= 1UL << (node % word);
  return syscall(SYS_mbind, memory.data(), memory.size(), MPOL_PREFERRED, nodes.data(),
                 nodes.size() * static_cast<std::size_t>(word), 0) == 0;
}

std::optional<int> numa_node_at(const std::byte* address) {
  int node = -1;
  if (syscall(SYS_get_mempolicy, &node, nullptr, 0, address, MPOL_F_NODE | MPOL_F_ADDR) != 0) {
    return std::nullopt;
  }
  return node;
}

std::string nearness(std::optional<int> device, std::optional<int> memory) {
  if (!device) return "host memory anywhere: the system does not say what is near it";
  if (memory == device) return fmt::format("host memory near it, on NUMA node {}", *device);
  return fmt::format("host memory not known to be near it, on NUMA node {}", *device);
}

}  // namespace calvo::realrun

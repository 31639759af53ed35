// Which memory of this machine is near a PCI device.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace calvo::realrun {

/// The name under which sysfs has a PCI device: "00000000:3B:00.0" is "0000:3b:00.0".
std::string sysfs_pci_name(std::string_view bus_id);

/// The NUMA node of a PCI device; nothing where the system does not say (one node only, or a
/// virtual machine that hides it).
std::optional<int> numa_node_of_pci(std::string_view bus_id,
                                    const std::filesystem::path& sysfs = "/sys");

/// Asks the system to take the pages of `memory` from `node` when they are first touched, and from
/// others when it has none left. False: it does not know the node or may not be asked.
bool prefer_numa_node(std::span<std::byte> memory, int node);

/// The node that a page lies on, if it has been touched and the system tells.
std::optional<int> numa_node_at(const std::byte* address);

/// "host memory near it, on NUMA node 1", or why that cannot be said. `device`: the node that is
/// near it; `memory`: the one where memory is known to lie.
std::string nearness(std::optional<int> device, std::optional<int> memory);

}  // namespace calvo::realrun

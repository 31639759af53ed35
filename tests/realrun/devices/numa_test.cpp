#include "realrun/devices/numa.hpp"

#include <filesystem>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "realrun/devices/mapped_memory.hpp"

namespace calvo::realrun {
namespace {

TEST(SysfsPciName, IsThatOfTheKernelWhateverTheToolWrites) {
  EXPECT_EQ(sysfs_pci_name("0000:3B:00.0"), "0000:3b:00.0");
  EXPECT_EQ(sysfs_pci_name("00000000:3B:00.0"), "0000:3b:00.0");
  EXPECT_EQ(sysfs_pci_name("0001:af:00.1"), "0001:af:00.1");
  EXPECT_EQ(sysfs_pci_name("nonsense"), "nonsense");
}

class PciTree : public ::testing::Test {
protected:
  PciTree() {
    const auto device = root_ / "bus" / "pci" / "devices" / "0000:3b:00.0";
    std::filesystem::create_directories(device);
    file_ = device / "numa_node";
  }
  ~PciTree() override { std::filesystem::remove_all(root_); }

  std::optional<int> with(const std::string& text) {
    std::ofstream(file_) << text;
    return numa_node_of_pci("00000000:3B:00.0", root_);
  }

  std::filesystem::path root_ =
      std::filesystem::temp_directory_path() / ("calvo_numa_" + std::to_string(getpid()));
  std::filesystem::path file_;
};

TEST_F(PciTree, SaysTheNodeOfADevice) {
  EXPECT_EQ(with("1\n"), 1);
  EXPECT_EQ(with("0\n"), 0);
  EXPECT_EQ(with("-1\n"), std::nullopt);  // the kernel's word for "no node"
  EXPECT_EQ(with(""), std::nullopt);
  EXPECT_EQ(numa_node_of_pci("0000:3c:00.0", root_), std::nullopt);
}

TEST(NumaMemory, LiesOnTheNodeThatWasAskedForOrSomewhere) {
  const MappedMemory memory(1 << 20, MappedMemory::Pin::no, "test", 0);
  ASSERT_EQ(memory.bytes().size(), 1U << 20);
  const std::optional<int> node = numa_node_at(memory.bytes().data());
  if (node) {  // a container may forbid the question
    EXPECT_GE(*node, 0);
  }
  if (memory.numa_node()) {
    EXPECT_EQ(memory.numa_node(), 0);
    EXPECT_EQ(node, 0);
  }
  for (const std::byte byte : memory.bytes()) ASSERT_EQ(byte, std::byte{0});
  std::vector<std::byte> empty;
  EXPECT_FALSE(prefer_numa_node(empty, 0));
  EXPECT_FALSE(prefer_numa_node(memory.bytes(), -1));
  EXPECT_FALSE(prefer_numa_node(memory.bytes(), 1 << 20));
}

TEST(NumaMemory, IsNotSaidToLieWhereItWasNotAskedForOrCannotBe) {
  EXPECT_EQ(MappedMemory(1 << 16, MappedMemory::Pin::no, "test").numa_node(), std::nullopt);
  EXPECT_EQ(MappedMemory(0, MappedMemory::Pin::no, "test", 0).numa_node(), std::nullopt);
  for (const int nowhere : {-1, 1000, 1 << 20}) {
    EXPECT_EQ(MappedMemory(1 << 16, MappedMemory::Pin::no, "test", nowhere).numa_node(),
              std::nullopt);
  }
}

TEST(Nearness, IsClaimedOnlyOfMemoryThatIsKnownToBeNear) {
  EXPECT_EQ(nearness(1, 1), "host memory near it, on NUMA node 1");
  EXPECT_EQ(nearness(1, std::nullopt), "host memory not known to be near it, on NUMA node 1");
  EXPECT_EQ(nearness(1, 0), "host memory not known to be near it, on NUMA node 1");
  EXPECT_EQ(nearness(std::nullopt, std::nullopt),
            "host memory anywhere: the system does not say what is near it");
}

}  // namespace
}  // namespace calvo::realrun

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/input_error.hpp"
#include "realrun/fabrics/fabric.hpp"

namespace calvo::realrun {
namespace {

std::string error_of(std::string_view name) {
  try {
    fabric(name);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Fabrics, AreListedInTheOrderOfTheDocumentation) {
  const auto all = fabrics();
  std::vector<std::string> names;
  for (const FabricInfo& info : all) names.push_back(info.name);
  EXPECT_THAT(names, testing::ElementsAre("tcp", "verbs", "ofi"));
}

TEST(Fabrics, SayWhyTheyAreMissingOrHowToBeMade) {
  for (const FabricInfo& info : fabrics()) {
    EXPECT_FALSE(info.description.empty()) << info.name;
    if (info.missing) {
      EXPECT_FALSE(info.missing->empty()) << info.name;
      EXPECT_EQ(error_of(info.name),
                "fabric:0:0: \"" + info.name + "\" cannot be used here: " + *info.missing);
    } else {
      EXPECT_TRUE(info.make_client && info.make_server) << info.name;
      EXPECT_EQ(fabric(info.name).name, info.name);
    }
  }
}

TEST(Fabrics, TcpIsNeverMissing) {
  EXPECT_EQ(fabric("tcp").missing, std::nullopt);
}

TEST(Fabrics, OfiIsThereWithTheProvidersOfEveryMachineWhereItIsBuilt) {
  if (fabrics().back().missing) GTEST_SKIP() << *fabrics().back().missing;
  EXPECT_EQ(fabric("ofi:tcp;ofi_rxm").missing, std::nullopt);
  EXPECT_EQ(fabric("ofi:shm").missing, std::nullopt);
  EXPECT_EQ(error_of("ofi:nonesuch"),
            "fabric:0:0: \"ofi:nonesuch\" cannot be used here: libfabric has no provider "
            "\"nonesuch\" that reads remote memory here; see fi_info -t FI_EP_RDM (package "
            "libfabric-bin)");
}

TEST(Fabrics, AnUnknownNameIsAnsweredWithNearOnes) {
  EXPECT_EQ(error_of("tpc"), "fabric:0:0: unknown fabric \"tpc\" (did you mean \"tcp\"?)");
  EXPECT_EQ(error_of(""), "fabric:0:0: unknown fabric \"\" (one of: tcp, verbs, ofi)");
  EXPECT_EQ(error_of("tcp:shm"), "fabric:0:0: unknown fabric \"tcp:shm\" (did you mean \"tcp\"?)");
}

TEST(Fabrics, EachStatusHasAName) {
  EXPECT_EQ(name_of(ReadStatus::ok), "ok");
  EXPECT_EQ(name_of(ReadStatus::peer_gone), "peer_gone");
  EXPECT_EQ(name_of(ReadStatus::refused), "refused");
  EXPECT_EQ(name_of(ReadStatus::flushed), "flushed");
}

}  // namespace
}  // namespace calvo::realrun

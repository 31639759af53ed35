#include "realrun/wire/endpoint.hpp"

#include <gtest/gtest.h>

#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

std::string error_of(const std::string& text) {
  try {
    parse_endpoint(text, "--nodes");
  } catch (const InputError& wrong) {
    return wrong.what();
  }
  return "none";
}

TEST(Endpoint, ReadsNamesAndAddresses) {
  for (const char* text : {"127.0.0.1:7000", "[::1]:1", "node-3.example:65535"}) {
    EXPECT_EQ(parse_endpoint(text, "").text(), text);
  }
  EXPECT_EQ(parse_endpoint("[fe80::1]:7", "").host, "fe80::1");
}

TEST(Endpoint, SaysWhatIsWrong) {
  const std::string remedy = "; write HOST:PORT, for example 127.0.0.1:7000 or [::1]:7000";
  EXPECT_EQ(error_of("host"), "--nodes:1:1: no port in \"host\"" + remedy);
  EXPECT_EQ(error_of("::1:7000"),
            "--nodes:1:1: an IPv6 address without brackets in \"::1:7000\"" + remedy);
  EXPECT_EQ(error_of(":7000"), "--nodes:1:1: no host in \":7000\"" + remedy);
  for (const char* text : {"a:0", "a:65536", "a:", "a:7x", "a:-1"}) {
    EXPECT_EQ(error_of(text),
              "--nodes:1:1: no port from 1 to 65535 in \"" + std::string(text) + "\"" + remedy);
  }
}

}  // namespace
}  // namespace calvo::realrun

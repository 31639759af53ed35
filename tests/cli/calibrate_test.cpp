// `calvo calibrate`: the parts of a testbed, with storage nodes of its own or others.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::string tiny_testbed() {
  return R"(name: tiny
engine: calvo
model:
  {name: tiny, layers: 2, hidden: 32, q_heads: 4, kv_heads: 2, head_dim: 8, dense_ffn: 48,
   vocab: 97, dense_layers: 2, max_context: 512, parameters: 0.00003, active_parameters: 0.00003}
hardware: {gpu: H100, nic: rdma_100g}
topology: {kind: star, storage_nodes: 2}
block_tokens: 16
memory: {gpu: 128 KiB, host: 96 KiB, remote: 4 MiB, storage_extent: 1}
workload:
  synthetic:
    arrival: {kind: poisson, rate: 200 /s}
    count: 20
    context: 100
    contexts: 6
    query: 20
    output: 10
    hit_fractions: [0]
)";
}

/// A port of loopback that nobody listens on, for as long as this lives.
class SilentPort {
public:
  SilentPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, plain, size), 0);
    EXPECT_EQ(::getsockname(socket_, plain, &size), 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  ~SilentPort() { ::close(socket_); }
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;

  const std::string& port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + port_; }

private:
  int socket_;
  std::string port_;
};

struct WrongCalibration {
  std::vector<std::string> arguments;
  std::string error;
};

TEST(Calibrate, SaysInOneLineWhatIsWrong) {
  const Workplace here;
  here.write("s.yaml", tiny_testbed());
  const SilentPort nobody;
  const SilentPort nobody_else;
  const std::vector<WrongCalibration> cases = {
      {{"--node", nobody.address(), "--node", nobody_else.address()},
       "calvo: s.yaml:0:0: calibrate: storage node " + nobody.address() +
           ": cannot reach 127.0.0.1 port " + nobody.port() +
           ": Connection refused; is calvo kvnode running there?\n"},
      {{"--node", nobody.address()},
       "calvo: s.yaml:0:0: topology.storage_nodes: the scenario has 2 and 1 are given; name each "
       "with one --node HOST:PORT, or none to have them started here\n"},
      {{"--node", nobody.address(), "--node", nobody.address()},
       "calvo: s.yaml:0:0: --node: \"" + nobody.address() +
           "\" is given twice; give each storage node once\n"},
      {{"--set", "engine.tensor_parallel=2", "--set", "memory.gpu=1 MiB"},
       "calvo: s.yaml:0:0: engine.tensor_parallel: \"2\"; a real run has one device for each "
       "instance; set 1\n"},
  };
  for (const WrongCalibration& wrong : cases) {
    std::vector<std::string> words = {"calibrate", "s.yaml", "--quiet", "--out", "cal.yaml"};
    words.insert(words.end(), wrong.arguments.begin(), wrong.arguments.end());
    const Ran ran = here.run(words);
    EXPECT_EQ(ran.exit_code, 2) << wrong.error;
    EXPECT_EQ(ran.err, wrong.error);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(here.files(), Not(::testing::Contains("cal.yaml")));
  }
}

TEST(Calibrate, NeedsNothingOfTheWorkloadInThePool) {
  const Workplace here;
  here.write("s.yaml", tiny_testbed());  // hits nothing, and block 1 lies on the second node
  const Ran ran = here.run({"calibrate", "s.yaml", "--repeats", "3", "--out", "cal.yaml"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, StartsWith("measuring: thread hand-over\nmeasuring: network\n"));
  EXPECT_THAT(ran.out, HasSubstr("written: cal.yaml\n"));
  EXPECT_THAT(here.files(), ElementsAre("cal.points.csv", "cal.yaml", "s.yaml"));
}

}  // namespace
}  // namespace calvo::testing

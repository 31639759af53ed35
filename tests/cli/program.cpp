#include "tests/cli/program.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace calvo::testing {
namespace {

constexpr const char* out_name = ".stdout";
constexpr const char* err_name = ".stderr";

std::string scenario(const std::string& count) {
  return R"(name: small
engine: calvo
model: Llama-3.1-8B
hardware: {gpu: H100, nic: rdma_100g}
topology: {kind: star}
block_tokens: 256
memory: {gpu: 8 GiB, host: 16 GiB, remote: 64 GiB}
workload:
  synthetic:
    arrival: {kind: poisson, rate: 4 /s}
    count: )" +
         count + R"(
    context: {kind: lognormal, mean: 12000, cv: 0.5, high: 40000}
    query: 200
    output: 20
    contexts: 16
    hit_fractions: [1, 0.75]
slo: {ttft: {factor: [2, 4, 8]}}
)";
}

}  // namespace

Workplace::Workplace() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string("calvo_cli_") + test->test_suite_name() + "_" + test->name();
  std::ranges::replace(name, '/', '_');
  path_ = std::filesystem::temp_directory_path() / (name + "_" + std::to_string(::getpid()));
  std::filesystem::remove_all(path_);
  std::filesystem::create_directories(path_);
}

Workplace::~Workplace() {
  std::filesystem::remove_all(path_);
}

void Workplace::write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
}

std::string Workplace::read(const std::string& name) const {
  std::ifstream stream(path_ / name, std::ios::binary);
  EXPECT_TRUE(stream) << "no file " << name;
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::string> Workplace::files() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    if (name != out_name && name != err_name) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

int Workplace::start(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = {CALVO_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  const pid_t child = ::fork();
  if (child != 0) return child;
  const auto redirect = [](const char* name, int target) {
    ::dup2(::open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), target);
  };
  if (::chdir(path_.c_str()) != 0) ::_exit(125);
  redirect(out_name, STDOUT_FILENO);
  redirect(err_name, STDERR_FILENO);
  ::execv(CALVO_PROGRAM, pointers.data());
  ::_exit(126);
}

bool Workplace::ended(int process) {
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid == process;
}

void Workplace::send(int process, int signal) {
  ::kill(process, signal);
}

void Workplace::pause() {
  const timespec time{0, 5'000'000};
  ::nanosleep(&time, nullptr);
}

Ran Workplace::wait(int process) const {
  int status = 0;
  EXPECT_EQ(::waitpid(process, &status, 0), process);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read(out_name),
          read(err_name)};
}

Ran Workplace::run(const std::vector<std::string>& arguments) const {
  return wait(start(arguments));
}

std::string small_scenario() {
  return scenario("60");
}

std::string endless_scenario() {
  return scenario("2000000");
}

}  // namespace calvo::testing

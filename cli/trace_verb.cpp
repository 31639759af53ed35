#include <charconv>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/guard.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "traces/convert.hpp"
#include "traces/trace_info.hpp"

namespace calvo::cli {
namespace {

struct TraceArguments {
  std::string file;
  std::string out;
  std::vector<std::string> lru;
  std::int64_t block_tokens = 0;
  double shared_prefix = 0.75;
  bool json = false;
  CLI::App* info = nullptr;
  CLI::App* convert = nullptr;
};

/// A cache size in blocks; "inf" has no bound.
std::int64_t capacity(const std::string& text) {
  if (text == "inf") return std::numeric_limits<std::int64_t>::max();
  std::int64_t blocks = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), blocks);
  if (error != std::errc() || end != text.data() + text.size() || blocks <= 0) {
    throw InputError({"--lru", 0, 0}, "",
                     "\"" + text + "\" is no cache size; give a number of blocks above 0, or inf");
  }
  return blocks;
}

int info(const TraceArguments& options) {
  traces::InfoOptions wanted;
  wanted.read.block_tokens = Tokens{options.block_tokens};
  wanted.shared_prefix = options.shared_prefix;
  for (const std::string& size : options.lru) wanted.lru.push_back(capacity(size));
  const traces::TraceInfo info = traces::trace_info(options.file, wanted);
  fmt::print("{}", options.json ? render_json(info) : render_text(info));
  return success;
}

int convert(const TraceArguments& options) {
  traces::ConvertOptions wanted;
  wanted.read.block_tokens = Tokens{options.block_tokens};
  wanted.shared_prefix = options.shared_prefix;
  traces::convert(options.file, options.out, wanted);
  return success;
}

void add_reading_options(CLI::App& command, TraceArguments& options) {
  command.add_option("FILE", options.file, "Mooncake JSONL, agentic TSV or Azure CSV, also gzip")
      ->required();
  command
      .add_option("--block-tokens", options.block_tokens,
                  "tokens of a block id of the trace (default: what its format says)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}))
      ->type_name("N");
  command
      .add_option("--shared-prefix", options.shared_prefix,
                  "share of tools and system prompt that all sessions have in common, where block "
                  "ids are local to a session")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->type_name("SHARE");
}

}  // namespace

Verb add_trace(CLI::App& program) {
  const auto options = std::make_shared<TraceArguments>();
  CLI::App* command = program.add_subcommand("trace", "Describe and convert traces");

  options->info = command->add_subcommand("info", "Say what a trace holds");
  add_reading_options(*options->info, *options);
  options->info
      ->add_option("--lru", options->lru,
                   "also the hit ratios of one shared LRU prefix cache of so many blocks")
      ->delimiter(',')
      ->type_name("N,...,inf");
  options->info->add_flag("--json", options->json, "print JSON");
  options->info->footer(
      "Example:\n"
      "  calvo trace info data/traces/mooncake_conversation_trace.jsonl.gz --lru 1000,3000,inf");

  options->convert = command->add_subcommand("convert", "Write a trace as Mooncake JSONL");
  add_reading_options(*options->convert, *options);
  options->convert
      ->add_option("OUT", options->out, "file to write, gzip if it ends in .gz; - is stdout")
      ->required();
  options->convert->footer(
      "Example:\n"
      "  calvo trace convert data/traces/agentic_coding_weka_small48.tsv.gz agents.jsonl.gz");
  return {command, [options] {
            if (options->info->parsed()) return info(*options);
            if (options->convert->parsed()) return convert(*options);
            return complain("name what to do with the trace; see calvo trace --help");
          }};
}

}  // namespace calvo::cli

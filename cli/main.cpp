#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/guard.hpp"
#include "cli/signals.hpp"
#include "cli/verb.hpp"
#include "core/suggest.hpp"

namespace calvo::cli {
namespace {

/// The names that could have stood where `argument` does.
std::vector<std::string> known_arguments(const CLI::App& command, std::string_view argument) {
  std::vector<std::string> names;
  if (argument.starts_with("-")) {
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  } else {
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(sub->get_name());
    }
  }
  return names;
}

/// The innermost command that was named.
const CLI::App& named_command(const CLI::App& program) {
  const CLI::App* command = &program;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

/// "calvo trace convert"
std::string full_name(const CLI::App& command) {
  const CLI::App* around = command.get_parent();
  return (around == nullptr ? "" : full_name(*around) + " ") + command.get_name();
}

int complain_about_extras(const CLI::App& program) {
  const CLI::App& command = named_command(program);
  const std::string argument = program.remaining(true).front();
  const bool is_flag = argument.starts_with("-");
  const std::vector<std::string> known = known_arguments(command, argument);
  return complain(fmt::format(
      "{} \"{}\"{}; see {} --help",
      is_flag                                                       ? "unknown option"
      : command.get_subcommands([](auto*) { return true; }).empty() ? "unexpected argument"
                                                                    : "unknown command",
      argument, suggestion(argument.substr(0, argument.find('=')), known), full_name(command)));
}

int run_program(int argc, char** argv) {
  CLI::App program(
      "Simulates LLM serving with a shared, remote KV cache: which loading and scheduling policy,\n"
      "on which NICs, PCIe links and GPUs, meets the latency objectives?");
  program.name("calvo");
  program.set_version_flag("--version", version_text());
  program.footer(
      "First steps:\n"
      "  calvo run scenarios/examples/demo.yaml --engines vllm_sync,calvo\n"
      "  calvo list engines\n"
      "  calvo run scenarios/examples/demo.yaml --engine calvo --set routing=round_robin\n"
      "  calvo compare runs/demo-vllm_sync-1 runs/demo-calvo-1\n\n"
      "calvo COMMAND --help says more. Exit codes: 0 done, 2 wrong input, 1 a check that did not\n"
      "hold (replay, validate, size) or a point of a sweep that failed, 70 a bug of ours, 130\n"
      "interrupted (what there was is in a run directory marked incomplete).");
  const std::vector<Verb> verbs = {
      add_run(program),    add_sweep(program),   add_compare(program),   add_list(program),
      add_trace(program),  add_replay(program),  add_explain(program),   add_validate(program),
      add_kvnode(program), add_realrun(program), add_calibrate(program), add_report(program),
      add_whatif(program), add_size(program)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& done) {  // --help, --version
    return program.exit(done);
  } catch (const CLI::ExtrasError&) {
    return complain_about_extras(program);
  } catch (const CLI::ParseError& error) {
    return complain(fmt::format("{}; see calvo --help", error.what()));
  }
  const auto chosen =
      std::ranges::find_if(verbs, [](const Verb& verb) { return verb.command->parsed(); });
  if (chosen == verbs.end()) return complain("name a command; see calvo --help");
  return chosen->run();
}

/// `code`, unless what was printed has not arrived: a full disk must not look like success.
int with_output_written(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  const int told = complain("standard output cannot be written; give it a place with room");
  return code == success ? told : code;
}

}  // namespace
}  // namespace calvo::cli

int main(int argc, char** argv) {
  calvo::cli::end_on_signals("calvo: interrupted\n");  // until a verb has more to say
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is told like a full disk
  const int code = calvo::cli::guarded([&] { return calvo::cli::run_program(argc, argv); });
  return calvo::cli::with_output_written(code);
}

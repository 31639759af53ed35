#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "analysis/exchange_json.hpp"
#include "analysis/output_file.hpp"
#include "cli/build_info.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/suggest.hpp"
#include "report/model.hpp"
#include "report/page.hpp"
#include "report/run_source.hpp"
#include "report/text_file.hpp"
#include "scenarios/search_path.hpp"

namespace calvo::cli {
namespace {

struct ReportArguments {
  std::vector<std::string> directories;
  std::string format = "html";
  std::string out;
  std::string json;
};

/// The folder of the page's own files.
std::string page_folder() {
  const std::string page =
      scenarios::find_in_roots("report/web/page.html", scenarios::default_search_path());
  if (page.empty()) {
    throw InputError({"report/web/page.html", 0, 0}, "",
                     "is not there: it is installed in share/calvo beside the program's folder; "
                     "install calvo again, or set $CALVO_DATA to the folder that holds report/");
  }
  return std::filesystem::path(page).parent_path().string();
}

std::string default_place(const ReportArguments& options) {
  if (options.directories.size() > 1) return "report.html";
  return (std::filesystem::path(options.directories.front()) / "report.html").string();
}

analysis::RunOrigin origin_of(const std::string& directory) {
  namespace fs = std::filesystem;
  const fs::path root = directory;
  analysis::RunOrigin origin;
  if (const fs::path file = root / analysis::environment_file; fs::exists(file)) {
    const auto environment = report::read_json(file.string());
    origin.date = environment.value("date", "");
    origin.command = environment.value("command", "");
  }
  if (const fs::path file = root / analysis::scenario_file; fs::exists(file)) {
    const auto settings = report::flatten(report::read_text(file.string()), file.string());
    const auto model = settings.find("model.name");
    if (model != settings.end()) origin.model = model->second;
  }
  return origin;
}

/// One run in the JSON of another benchmark.
int exchange(const ReportArguments& options) {
  if (options.directories.size() != 1 || !options.json.empty()) {
    throw InputError({"calvo report", 0, 0}, "--format",
                     "\"" + options.format + "\" is one run as JSON; name one run directory" +
                         (options.json.empty() ? "" : ", and -o instead of --json"));
  }
  const std::string& directory = options.directories.front();
  const analysis::RunDirectory run = analysis::read_run_directory(directory);
  const analysis::RunOrigin origin = origin_of(directory);
  const nlohmann::ordered_json json = options.format == "vllm"
                                          ? analysis::to_vllm_json(run, origin)
                                          : analysis::to_aiperf_json(run, origin);
  const std::string text = json.dump(2) + "\n";
  if (options.out.empty()) {
    fmt::print("{}", text);
  } else {
    analysis::write_file(options.out, text);
  }
  return success;
}

int report(const ReportArguments& options) {
  const std::vector<std::string_view> formats = {"html", "vllm", "aiperf"};
  if (std::ranges::find(formats, options.format) == formats.end()) {
    throw InputError(
        {"calvo report", 0, 0}, "--format",
        "unknown format \"" + options.format + "\"" + suggestion(options.format, formats));
  }
  if (options.format != "html") return exchange(options);
  const std::string folder = page_folder();
  const std::string place = options.out.empty() ? default_place(options) : options.out;
  const report::Sources sources = report::read_sources(options.directories);
  const BuildInfo build = build_info();
  const nlohmann::ordered_json model =
      report::model_of(sources, "calvo " + build.version + " " + build.git_commit);
  const std::string page = report::render_page(folder, model);
  if (!options.json.empty()) analysis::write_file(options.json, model.dump() + "\n");
  report::write_page(place, page);
  for (const auto& note : model["notes"]) fmt::print("{}\n", note.get<std::string>());
  fmt::print("{} ({:.1f} MB): open it in a browser\n", place,
             static_cast<double>(page.size()) / 1e6);
  return success;
}

}  // namespace

Verb add_report(CLI::App& program) {
  const auto options = std::make_shared<ReportArguments>();
  CLI::App* command = program.add_subcommand("report", "Make a page of plots from runs and sweeps");
  command
      ->add_option("DIR", options->directories,
                   "run directories, sweep directories, or directories that hold run directories")
      ->required();
  command
      ->add_option(
          "-o,--out", options->out,
          "the page (default: report.html in the one DIR, or here for several), or the JSON")
      ->type_name("FILE");
  command
      ->add_option("--format", options->format,
                   "html: the page; vllm, aiperf: one run as the JSON of `vllm bench serve` or of\n"
                   "AIPerf, to FILE or printed (docs/metrics.md)")
      ->type_name("NAME");
  command->add_option("--json", options->json, "write what the page shows to FILE as well")
      ->type_name("FILE");
  command->footer(
      "The page is one HTML file that needs no network: attainment and TTFT against the load,\n"
      "distributions of TTFT, where it goes by stage, resources and queues over time, every\n"
      "request on a time line, memory, predictions against measurements where both are given,\n"
      "and the scenarios. Each plot has its data as a table and as CSV, and is saved as SVG or\n"
      "PNG. An earlier report in its place is replaced, anything else is not.\n\n"
      "Examples:\n"
      "  calvo report runs/demo-calvo-1\n"
      "  calvo report runs/demo-* -o demo.html\n"
      "  calvo report sweeps/demo\n"
      "  calvo report runs/demo-calvo-1 --format vllm -o result.json");
  return {command, [options] { return report(*options); }};
}

}  // namespace calvo::cli

#include "analysis/validation_tolerance.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "core/contract.hpp"
#include "core/parse.hpp"
#include "core/suggest.hpp"
#include "core/yaml_section.hpp"

namespace calvo::analysis {
namespace {

constexpr std::string_view flipped = "flipped_pairs";
constexpr std::string_view worst = "worst_";
constexpr std::array<std::string_view, 11> keys = {
    "ttft_mean",      "ttft_p50",         "ttft_p90",       "ttft_p99",
    "attainment",     "worst_ttft_mean",  "worst_ttft_p50", "worst_ttft_p90",
    "worst_ttft_p99", "worst_attainment", flipped,
};

double parse_limit(std::string_view key, const std::string& text) {
  if (key == flipped) {
    const auto count = parse_as<std::int64_t>(text);
    if (count < 0) throw std::invalid_argument("\"" + text + "\" is negative; write 0 or more");
    return static_cast<double>(count);
  }
  constexpr std::string_view points = "points";
  if (key.ends_with("attainment") && text.ends_with(points)) {
    std::string number = text.substr(0, text.size() - points.size());
    while (number.ends_with(' ')) number.pop_back();
    return parse_as<Share>(number + " %").value;
  }
  return parse_as<Share>(text).value;
}

/// The total that a key of TTFTs looks at.
std::optional<ErrorTotal> total_of(const Totals& totals, std::string_view key) {
  if (key.starts_with(worst)) key.remove_prefix(worst.size());
  if (key == "ttft_mean") return totals.ttft_mean;
  if (key == "ttft_p50") return totals.ttft_p50;
  if (key == "ttft_p90") return totals.ttft_p90;
  CALVO_EXPECT(key == "ttft_p99");
  return totals.ttft_p99;
}

/// The check of a key that looks at medians or worst cells.
Check check_of(const Totals& totals, const std::string& key, double limit) {
  Check check{.key = key, .limit = limit, .value = {}, .worst_cell = {}};
  const bool is_worst = key.starts_with(worst);
  const auto look_at = [&](const std::optional<ErrorTotal>& total) {
    if (!total) return;
    const double value = is_worst ? total->worst : total->median;
    if (check.value && *check.value >= value) return;
    check.value = value;
    check.worst_cell = is_worst ? total->worst_cell : "";
  };
  if (key.ends_with("attainment")) {
    for (const auto& total : totals.attainment) look_at(total);
  } else {
    look_at(total_of(totals, key));
  }
  return check;
}

/// The check of flipped pairs; where no pair really differs, none can be flipped and none was kept.
Check check_of_pairs(const Validation& validation, double limit) {
  Check check{.key = std::string(flipped), .limit = limit, .value = {}, .worst_cell = {}};
  const Totals &held_out = validation.held_out, &tuned = validation.tuned;
  if (held_out.significant_pairs + tuned.significant_pairs > 0) {
    check.value = static_cast<double>(held_out.flipped_pairs + tuned.flipped_pairs);
  }
  return check;
}

}  // namespace

Tolerances::Tolerances()
    : limits_({{"ttft_p50", {0.05, false}},
               {"ttft_p99", {0.10, false}},
               {"attainment", {0.03, false}},
               {std::string(flipped), {0, false}}}) {}

void Tolerances::set(const SourcePos& pos, const std::string& key, const std::string& value) {
  if (std::ranges::find(keys, key) == keys.end()) {
    throw InputError(pos, key, "unknown limit" + suggestion(key, keys));
  }
  if (value == "none") {
    limits_.erase(key);
    return;
  }
  try {
    limits_[key] = {parse_limit(key, value), true};
  } catch (const std::invalid_argument& error) {
    throw InputError(pos, key, error.what());
  }
}

void Tolerances::apply(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals != std::string::npos) {
    set({"--tolerance " + argument, 1, static_cast<int>(equals) + 2}, argument.substr(0, equals),
        argument.substr(equals + 1));
    return;
  }
  const YamlSection file = YamlSection::load_file(argument);
  for (const std::string& key : file.keys()) {
    set(file.pos(key), key, file.required<std::string>(key));
  }
}

Verdict judge(const Validation& validation, const Tolerances& tolerances) {
  Verdict verdict;
  for (const ValidatedCell& cell : validation.cells) {
    if (cell.held_out) verdict.on_held_out = true;
    if (!cell.measures) verdict.unmeasured.push_back(cell.scenario + " / " + cell.engine);
  }
  const Totals& totals = verdict.on_held_out ? validation.held_out : validation.tuned;
  for (const std::string_view name : keys) {
    const auto entry = tolerances.limits().find(std::string(name));
    if (entry == tolerances.limits().end()) continue;
    const auto& [key, limit] = *entry;
    Check check;
    if (key == flipped) {
      check = check_of_pairs(validation, limit.value);
    } else {
      check = check_of(totals, key, limit.value);
    }
    check.passed = check.value ? *check.value <= check.limit : !limit.asked_for;
    verdict.passed = verdict.passed && check.passed;
    verdict.checks.push_back(std::move(check));
  }
  verdict.passed = verdict.passed && verdict.unmeasured.empty();
  return verdict;
}

}  // namespace calvo::analysis

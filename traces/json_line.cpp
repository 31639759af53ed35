#include "traces/json_line.hpp"

#include <charconv>
#include <cmath>

namespace calvo::traces {
namespace {

constexpr int deepest = 64;

bool ends_token(char c) {
  return c == ',' || c == ']' || c == '}' || c == ':' || c == ' ' || c == '\t';
}

}  // namespace

void JsonLine::fail_at(std::size_t offset, const std::string& problem) const {
  throw InputError(reader_.pos(offset), std::string(field_), problem);
}

void JsonLine::cut() const {
  throw InputError(reader_.pos(text_.size()), std::string(field_),
                   "the line ends too early; copy or download the file again");
}

void JsonLine::spaces() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
}

bool JsonLine::at(char expected) {
  spaces();
  if (at_ == text_.size()) cut();
  return text_[at_] == expected;
}

void JsonLine::need(char expected, const char* what) {
  if (!at(expected)) {
    fail_at(at_, std::string("expected ") + what + ", found \"" + text_[at_] + "\"");
  }
  ++at_;
}

std::string_view JsonLine::quoted() {
  need('"', "a string in double quotes");
  const std::size_t from = at_;
  while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
  if (at_ >= text_.size()) cut();
  return text_.substr(from, at_++ - from);
}

bool JsonLine::next_field() {
  field_ = {};
  if (!started_) {
    started_ = true;
    need('{', "a JSON object");
    if (at('}')) {
      ++at_;
      return false;
    }
  } else {
    if (at('}')) {
      ++at_;
      spaces();
      if (at_ != text_.size()) {
        fail_at(at_, std::string("expected the end of the line, found \"") + text_[at_] +
                         "\"; write one request a line");
      }
      return false;
    }
    need(',', "\",\" or \"}\"");
  }
  const std::string_view name = quoted();
  need(':', "\":\"");
  field_ = name;
  if (at('\0')) fail_at(at_, "expected a value");
  field_value_ = value_ = at_;
  return true;
}

std::string_view JsonLine::token() {
  if (at('\0')) fail_at(at_, "expected a value");
  value_ = at_;
  while (at_ < text_.size() && !ends_token(text_[at_])) ++at_;
  if (at_ == text_.size()) cut();
  return text_.substr(value_, at_ - value_);
}

double JsonLine::number() {
  const std::string_view written = token();
  double value = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (error != std::errc{} || end != written.data() + written.size() || !std::isfinite(value)) {
    fail("not a number \"" + std::string(written) + "\"; write one such as 250 or 0.5");
  }
  return value;
}

std::int64_t JsonLine::integer() {
  const std::string_view written = token();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (error != std::errc{} || end != written.data() + written.size()) {
    fail("not a whole number \"" + std::string(written) + "\"; write one such as 512");
  }
  return value;
}

std::string_view JsonLine::text() {
  if (!at('"')) {
    integer();
    return written();
  }
  value_ = at_;
  return quoted();
}

bool JsonLine::next_element() {
  if (!in_array_) {
    value_ = at_;
    need('[', "an array \"[...]\"");
    in_array_ = true;
    if (!at(']')) return true;
  } else if (!at(']')) {
    need(',', "\",\" or \"]\"");
    return true;
  }
  ++at_;
  in_array_ = false;
  return false;
}

void JsonLine::skip() {
  skip_value(0);
}

void JsonLine::skip_value(int depth) {
  if (depth > deepest) fail_at(at_, "nested too deeply for a trace");
  if (at('"')) {
    quoted();
    return;
  }
  const bool object = at('{');
  if (!object && !at('[')) {
    if (token().empty()) fail_at(at_, "expected a value");
    return;
  }
  const char close = object ? '}' : ']';
  ++at_;
  if (!at(close)) {
    while (true) {
      if (object) {
        quoted();
        need(':', "\":\"");
      }
      skip_value(depth + 1);
      if (at(close)) break;
      need(',', object ? "\",\" or \"}\"" : "\",\" or \"]\"");
    }
  }
  ++at_;
}

}  // namespace calvo::traces

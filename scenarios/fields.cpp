#include "scenarios/fields.hpp"

#include <cctype>

namespace calvo::scenarios {

void FieldReader::seconds(std::string_view key, double& field) {
  field = section_.optional<Seconds>(key, Seconds{field}).count();
}

void FieldReader::per_second(std::string_view key, double& field, const Range<PerSecond>& range) {
  field = section_.optional<PerSecond>(key, PerSecond{field}, range).count();
}

void FieldReader::share(std::string_view key, double& field) {
  field = section_.optional<Share>(key, Share{field}).value;
}

void FieldReader::bound(std::string_view key, std::int64_t& field, std::int64_t low) {
  if (section_.is_scalar(key) && section_.required<std::string>(key) == "unbounded") {
    field = no_bound;
  } else {
    value(key, field, at_least(low));
  }
}

void FieldReader::bound(std::string_view key, Bytes& field) {
  if (section_.is_scalar(key) && section_.required<std::string>(key) == "unbounded") {
    field = Bytes{no_bound};
  } else {
    value(key, field, positive<Bytes>());
  }
}

void FieldReader::or_zero_seconds(std::string_view key, double& field, std::string_view word) {
  Seconds time{field};
  or_zero(key, time, word);
  field = time.count();
}

void FieldReader::file(std::string_view key, std::string& field) {
  if (!section_.has(key)) return;
  const FoundFile found = find_file(section_, key, context_->search);
  context_->written_as[found.path] = found.canonical;
  field = found.path;
}

void FieldReader::rate(std::string_view key, BytesPerSecond& field, const PhysicalLimit& limit) {
  or_zero(key, field, "unlimited");
  if (!context_->allow_unphysical && section_.has(key) && field > limit.rate) {
    section_.fail(key, unphysical(section_.required<std::string>(key), field, limit));
  }
}

void FieldWriter::file(std::string_view key, const std::string& field) {
  const auto name = context_->written_as.find(field);
  line(key, quoted(name == context_->written_as.end() ? field : name->second));
}

void FieldWriter::line(std::string_view key, const std::string& text) {
  out_->append(static_cast<std::size_t>(indent_), ' ');
  out_->append(key);
  out_->append(text.empty() ? ":" : ": ");
  out_->append(text);
  out_->push_back('\n');
}

std::string FieldWriter::quoted(const std::string& text) {
  bool plain = !text.empty() && (std::isalnum(static_cast<unsigned char>(text.front())) != 0 ||
                                 text.front() == '/' || text.front() == '.');
  for (const char c : text) {
    plain = plain && (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' ||
                      c == '.' || c == '/' || c == ' ' || c == '+' || c == '%');
  }
  if (plain && text.back() != ' ' && text != "null") return text;
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else {
      result += c;
    }
  }
  return result + "\"";
}

}  // namespace calvo::scenarios

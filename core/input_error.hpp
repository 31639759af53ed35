#pragma once

#include <stdexcept>
#include <string>

namespace calvo {

/// A place in a text that the user wrote. Lines and columns count from 1; 0 means "the whole file".
struct SourcePos {
  std::string file;
  int line = 0;
  int column = 0;
};

/// Wrong input: scenario, trace or flag. Caught once, in main(), which prints what() and exits 2.
/// Message: "file:line:column: where: problem", the value in quotes, then the remedy.
class InputError : public std::runtime_error {
public:
  InputError(const SourcePos& pos, const std::string& where, const std::string& problem)
      : std::runtime_error(pos.file + ":" + std::to_string(pos.line) + ":" +
                           std::to_string(pos.column) + ": " +
                           (where.empty() ? problem : where + ": " + problem)) {}
  /// The same, and what else is to be said of it.
  InputError(const InputError& error, const std::string& more)
      : std::runtime_error(error.what() + more) {}
};

/// Nothing can be written to a place: that is at fault, not what was to be written.
class Unwritable : public InputError {
public:
  Unwritable(const SourcePos& place, const std::string& where, const std::string& problem,
             const std::string& remedy)
      : InputError(place, where, problem + "; " + remedy),
        problem_(InputError(place, where, problem).what()) {}
  /// what() without its remedy, for those who know a better one.
  const std::string& problem() const { return problem_; }

private:
  std::string problem_;
};

}  // namespace calvo

#include "realrun/wire/secret.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/input_error.hpp"
#include "realrun/wire/crypto.hpp"

namespace calvo::realrun {
namespace {

class File {
public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

private:
  int fd_;
};

InputError wrong(const std::string& path, const std::string& problem) {
  return InputError({path, 0, 0}, "", problem);
}

}  // namespace

Bytestring read_key_file(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) {
    throw wrong(path, fmt::format("cannot read the key: {}; make one with calvo kvnode --make-key "
                                  "{} and copy it to the other machines",
                                  std::strerror(errno), path));
  }
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw wrong(path, "not a file; a key file is a regular file of 16 bytes or more");
  }
  const auto open_to = [&](std::string_view who, std::string_view can, std::string_view have) {
    return wrong(path, fmt::format("{} can {} the key; run chmod 600 {}, and make a new one if "
                                   "others may have {} it",
                                   who, can, path, have));
  };
  if ((status.st_mode & S_IROTH) != 0) {
    throw open_to("everybody on this machine", "read", "seen");
  }
  if ((status.st_mode & S_IWOTH) != 0) {
    throw open_to("everybody on this machine", "write", "written");
  }
  if ((status.st_mode & S_IWGRP) != 0) throw open_to("the file's group", "write", "written");
  Bytestring key(most_key_bytes + 1);
  std::size_t size = 0;
  while (size < key.size()) {
    const ssize_t got = ::read(file.fd(), key.data() + size, key.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw wrong(path, fmt::format("cannot read the key: {}", std::strerror(errno)));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size < fewest_key_bytes || size > most_key_bytes) {
    throw wrong(path, fmt::format("a key has {} to {} bytes, this file {}{}; make one with calvo "
                                  "kvnode --make-key FILE",
                                  fewest_key_bytes, most_key_bytes,
                                  size > most_key_bytes ? "more than " : "",
                                  std::min(size, most_key_bytes)));
  }
  key.resize(size);
  return key;
}

void make_key_file(const std::string& path) {
  std::array<std::byte, 32> key;
  random_bytes(key);
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.fd() < 0) {
    throw wrong(path, errno == EEXIST
                          ? "there is such a file already, and it is not overwritten; give another "
                            "name or remove it"
                          : fmt::format("cannot write the key: {}", std::strerror(errno)));
  }
  if (::write(file.fd(), key.data(), key.size()) != static_cast<ssize_t>(key.size())) {
    const int error = errno;
    ::unlink(path.c_str());
    throw wrong(path, fmt::format("cannot write the key: {}", std::strerror(error)));
  }
}

Bytestring loopback_key() {
  Bytestring key;
  for (const char c : std::string_view("calvo: loopback only, no secret")) {
    key.push_back(static_cast<std::byte>(c));
  }
  return key;
}

bool is_loopback(std::string_view host) {
  const std::string text(host);
  if (text == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return false;
}

}  // namespace calvo::realrun

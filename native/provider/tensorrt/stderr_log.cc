// Messages to the error output.
#include "stderr_log.h"

#include <algorithm>
#include <mutex>

#ifdef _WIN32
#include <cstdio>
#else
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#endif

namespace arc2face::tensorrt {

void WriteToStderr(std::string_view line) noexcept {
  static std::mutex& mutex = *new std::mutex;  // lines of several threads don't mix, also while the process ends
  const std::lock_guard lock(mutex);
#ifdef _WIN32
  std::fwrite(line.data(), 1, line.size(), stderr);
#else
  static constexpr int kPatienceMs = 2000;
  static bool reads = true;
  while (!line.empty()) {
    pollfd waiting{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    const int ready = poll(&waiting, 1, reads ? kPatienceMs : 0);
    if (ready < 0 && errno == EINTR) continue;
    reads = ready > 0;
    if (!reads) return;
    // So much fits into a pipe that is ready, also into one that blocks.
    const ssize_t written = write(STDERR_FILENO, line.data(), std::min<size_t>(line.size(), _POSIX_PIPE_BUF));
    if (written < 0 && errno != EAGAIN && errno != EINTR) return;
    if (written > 0) line.remove_prefix(static_cast<size_t>(written));
  }
#endif
}

}  // namespace arc2face::tensorrt

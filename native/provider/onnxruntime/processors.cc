// The number of threads for a network.
#include "processors.h"

#ifdef __linux__
#include <sched.h>

#include <fstream>
#include <set>
#include <string>
#endif

namespace arc2face::ort {

int CountCores() {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
  std::set<std::string> cores;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &allowed)) continue;
    // Processors of one core have the same list of siblings. Without such a file, each counts as a core.
    const std::string name = "cpu" + std::to_string(processor);
    std::ifstream file("/sys/devices/system/cpu/" + name + "/topology/thread_siblings_list");
    std::string siblings;
    cores.insert(std::getline(file, siblings) ? siblings : name);
  }
  return static_cast<int>(cores.size());
#else
  return 0;
#endif
}

}  // namespace arc2face::ort

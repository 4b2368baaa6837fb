// An addon with an exit handler that takes its time. When it is loaded before a runtime is, its handler is called after
// the runtime's static objects were destroyed: threads that still work have long enough to fall over that.
#include <node_api.h>

#include <chrono>
#include <cstdlib>
#include <thread>

NAPI_MODULE_INIT() {
  static_cast<void>(env);
  std::atexit([] { std::this_thread::sleep_for(std::chrono::milliseconds(300)); });
  return exports;
}

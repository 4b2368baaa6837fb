// Messages to the error output, from any thread.
#pragma once

#include <string_view>

namespace arc2face::tensorrt {

// Writes the whole line, or gives up when nobody has read for a while; later lines then don't wait until somebody reads
// again. Node makes a pipe or terminal there non-blocking, where a plain write loses what does not fit.
void WriteToStderr(std::string_view line) noexcept;

}  // namespace arc2face::tensorrt

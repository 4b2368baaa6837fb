// Weights in the form that runtimes take.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "provider.h"

namespace arc2face {

// Owns copies of weights that can't be used in place, and sums of weights and deltas. It must outlive the use of all.
class WeightMemory {
 public:
  // Of the type that the graph declares; elements are aligned to their size.
  struct View {
    DataType type;
    const std::byte* data;
    size_t bytes;
  };
  // `network`: its name, for messages. Throws kInvalidWeights if the bytes do not match the type and shape, for an
  // unsupported conversion, and as Fuse does.
  View Prepare(const Weight& weight, const std::string& network);

 private:
  std::byte* Allocate(size_t bytes);

  std::vector<std::unique_ptr<std::byte[]>> copies_;
};

}  // namespace arc2face

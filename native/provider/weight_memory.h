// Weights as runtimes take them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "provider.h"

namespace arc2face {

// Owns the copies of those weights that can't be used where they lie. It must outlive the use of all.
class WeightMemory {
 public:
  // Of the type that the graph declares; elements lie on multiples of their size.
  struct View {
    DataType type;
    const std::byte* data;
    size_t bytes;
  };
  // `network`: its name, for messages. Throws kInvalidWeights when the bytes are not those of the type and shape, or
  // for a conversion that there is not.
  View Prepare(const Weight& weight, const std::string& network);

 private:
  std::byte* Allocate(size_t bytes);

  std::vector<std::unique_ptr<std::byte[]>> copies_;
};

}  // namespace arc2face

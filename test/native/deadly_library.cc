// A library that ends the process that opens it.
#include <cstdlib>

namespace {

struct Deadly {
  Deadly() { std::abort(); }
} deadly;

}  // namespace

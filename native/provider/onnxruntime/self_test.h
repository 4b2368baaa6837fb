// Tests whether a library works as we use it.
#pragma once

#include "library.h"

namespace arc2face::ort {

// Loads and runs a graph of one node, with a weight by pointer, through the same code as every network, so that a
// library whose table of functions differs from ours is detected here. Throws kNoDevice, naming the path.
void SelfTest(const Library& library);

}  // namespace arc2face::ort

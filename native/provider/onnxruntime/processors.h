// How many threads a network should have.
#pragma once

namespace arc2face::ort {

// The cores that this process may run on, each counted once however many threads it runs; 0 when the system does not
// say.
//
// ONNX Runtime would count them too, but it then ties each of its threads to one core. That thread waits when something
// else runs there (the event loop, another model, another process) although other cores are idle, and all threads wait
// for it.
int CountCores();

}  // namespace arc2face::ort

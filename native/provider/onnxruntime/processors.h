// The number of threads for a network.
#pragma once

namespace arc2face::ort {

// The cores that this process may run on, each counted once however many threads it has; 0 if the system does not
// say.
//
// ONNX Runtime could count them, but then it ties each of its threads to one core. Such a thread waits when something
// else runs there (the event loop, another model, another process) although other cores are idle, and all threads wait
// for it.
int CountCores();

}  // namespace arc2face::ort

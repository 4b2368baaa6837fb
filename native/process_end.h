// Native work at the end of the process. exit() destroys the static objects of all libraries, including those that
// our threads work in (ONNX Runtime, NVIDIA's), and other threads run on meanwhile. So work is stopped before that.
// What can't be stopped soon must not hold the process back: then exit() is cut short, with its own code. Only glibc
// tells that code; on macOS and with musl exit() waits until the work has stopped, and on Windows there is nothing to
// do.
#pragma once

namespace arc2face {

// Called by executors around each job, so that the end of the process knows whether there is work.
void WorkQueued();
void WorkBegins();  // never returns once the process is ending
void WorkEnds();

// Whether the process ends with the calling thread.
bool IsMainThread();

// Call on every thread of JavaScript that begins to use the library. On the main thread it has exit() stop all work
// before anything else.
void StopWorkAtExit();

// Call when the JavaScript of a thread has ended, after its work was told to stop. For processes whose main thread does
// not use the library, as nothing is called there when it exits: returns when no work is left, or has exit() stop it.
void StopWorkAtExitOfOthers();

}  // namespace arc2face

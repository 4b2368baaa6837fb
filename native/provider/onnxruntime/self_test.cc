// Tests whether a library works as we use it.
#include "self_test.h"

#include <vector>

#include "../../device/device.h"
#include "network.h"

namespace arc2face::ort {
namespace {

// y [n, 2] = x [n, 2] * w [2], float32, as an ONNX ModelProto: field numbers and types as in onnx.proto3.
// clang-format off
constexpr unsigned char kGraph[] = {
    0x08, 8,                                                         // ir_version: 8
    0x3a, 89,                                                        // graph:
        0x0a, 14,                                                    //   node:
            0x0a, 1, 'x', 0x0a, 1, 'w',                              //     input: x, w
            0x12, 1, 'y',                                            //     output: y
            0x22, 3, 'M', 'u', 'l',                                  //     op_type: Mul
        0x12, 1, 'g',                                                //   name: g
        0x2a, 24,                                                    //   initializer:
            0x08, 2, 0x10, 1, 0x42, 1, 'w',                          //     dims: 2, data_type: FLOAT, name: w
            0x6a, 13,                                                //     external_data:
                0x0a, 8, 'l', 'o', 'c', 'a', 't', 'i', 'o', 'n',     //       key: location
                0x12, 1, 'w',                                        //       value: w
            0x70, 1,                                                 //     data_location: EXTERNAL
        0x5a, 20,                                                    //   input:
            0x0a, 1, 'x',                                            //     name: x
            0x12, 15, 0x0a, 13, 0x08, 1,                             //     type: tensor of FLOAT
                0x12, 9, 0x0a, 3, 0x12, 1, 'n', 0x0a, 2, 0x08, 2,    //       shape: n, 2
        0x62, 20,                                                    //   output:
            0x0a, 1, 'y',                                            //     name: y
            0x12, 15, 0x0a, 13, 0x08, 1,                             //     type: tensor of FLOAT
                0x12, 9, 0x0a, 3, 0x12, 1, 'n', 0x0a, 2, 0x08, 2,    //       shape: n, 2
    0x42, 4, 0x0a, 0, 0x10, 17,                                      // opset_import: domain "", version 17
};
// clang-format on

std::vector<float> Products(const Library& library) {
  static constexpr float kWeight[] = {2, 3};
  const NetworkSource source{
      .name = "of the self-test",
      .graph = std::as_bytes(std::span(kGraph)),
      .weights = {{.name = "w",
                   .type = DataType::kFloat32,
                   .shape = {2},
                   .data = reinterpret_cast<const std::byte*>(kWeight),
                   .bytes = sizeof kWeight}},
      .maps = {},
  };
  Interrupt interrupt;
  const std::unique_ptr<Network> network = LoadNetwork(library, 1, source, interrupt);
  float x[] = {1, 10, 100, 1000};
  std::vector<float> y(4);
  const Tensor input{DataType::kFloat32, {2, 2}, x};
  const Tensor output{DataType::kFloat32, {2, 2}, y.data()};
  network->Run({&input, 1}, {&output, 1}, *HostDevice().MakeStream(), interrupt);
  return y;
}

}  // namespace

void SelfTest(const Library& library) {
  std::vector<float> products;
  try {
    products = Products(library);
  } catch (const Error& error) {
    throw Error(ErrorCode::kNoDevice, "Could not use " + library.path() + ": " + error.what(),
                {.file = library.path()});
  }
  if (products != std::vector<float>{2, 30, 200, 3000}) {
    throw Error(ErrorCode::kNoDevice, "Could not use " + library.path() + ": its self-test gave wrong numbers.",
                {.file = library.path()});
  }
}

}  // namespace arc2face::ort

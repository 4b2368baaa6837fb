// What a load takes of a GPU's memory, told and checked before it is taken.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "device/cuda.h"
#include "provider/tensorrt/build.h"
#include "runtime.h"
#include "stand_in_bundle.h"
#include "temporary_folder.h"

extern "C" const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version);

namespace arc2face::testing {
namespace {

struct Notice {
  std::string network;
  size_t bytes, free_bytes;
};

class LoadMemory : public ::testing::Test {
 protected:
  void TearDown() override {
    Runtime().memory = kMemory;
    Runtime().shares_host_memory = false;
    Runtime().has_memory_pools = true;
    Runtime().pool_gaps = 0;
    Runtime().gpus = 1;
  }

  std::unique_ptr<Provider> Open(const Arc2FaceEngineApi& with) { return Open(with, gpu); }
  std::unique_ptr<Provider> Open(const Arc2FaceEngineApi& with, Device& device) {
    return OpenTensorRt(tensorrt::EngineLibrary(with, {}), device,
                        [this](const std::string& network, size_t bytes, size_t free_bytes) {
                          notices.push_back({network, bytes, free_bytes});
                        });
  }
  // The UNet alone, built for batches of 1 up to `rows` rows.
  std::unique_ptr<Network> LoadUnet(Provider& provider, Stream& stream, size_t rows = 4) {
    const Bundle bundle(DataType::kFloat16);
    NetworkSource source = bundle.unet->source;
    source.profiles.resize(rows);
    Interrupt interrupt;
    return provider.Load(source, stream, interrupt);
  }
  // Lets the GPU have this much that is free.
  void Free(size_t bytes) {
    Runtime().memory = kMemory;
    const size_t free = *gpu.FreeBytes();
    Runtime().memory = kMemory - free + bytes;
  }

  const size_t kMemory = Runtime().memory;
  Device& gpu = CudaDevice(0);
  const Arc2FaceEngineApi& api = *Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION);
  std::vector<Notice> notices;
};

TEST_F(LoadMemory, IsFreeWhenNobodyUsesItAlsoIfItIsKept) {
  const size_t before = *gpu.FreeBytes();
  {
    const DeviceBuffer<uint8_t> used(gpu, 1000);
    EXPECT_EQ(gpu.FreeBytes(), before - 1000);
  }
  EXPECT_EQ(gpu.FreeBytes(), before);
}

TEST_F(LoadMemory, IsFreeWhereThePoolHasGaps) {
  const size_t before = *gpu.FreeBytes();
  Runtime().pool_gaps = 1000;
  EXPECT_EQ(gpu.FreeBytes(), before);
}

TEST_F(LoadMemory, IsUnknownWhereItIsTheHosts) {
  EXPECT_EQ(HostDevice().FreeBytes(), std::nullopt);
  Runtime().gpus = 1501;
  Runtime().shares_host_memory = true;
  Device& shared = CudaDevice(1500);
  EXPECT_EQ(shared.FreeBytes(), std::nullopt);
  const auto stream = shared.MakeStream();
  EXPECT_NO_THROW(LoadUnet(*Open(api, shared), *stream));
  EXPECT_TRUE(notices.empty());
}

TEST_F(LoadMemory, IsRefusedAlsoWhereThereIsNoPool) {
  Runtime().gpus = 1504;
  Runtime().has_memory_pools = false;
  Device& plain = CudaDevice(1503);
  const auto stream = plain.MakeStream();
  LoadUnet(*Open(api, plain), *stream);
  ASSERT_EQ(notices.size(), 1u);
  const size_t needed = notices[0].bytes;
  Free(needed - 1);
  try {
    LoadUnet(*Open(api, plain), *stream);
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_EQ(error.details().free_bytes, needed - 1);
    EXPECT_EQ(error.details().batch_size, 3u);
  }
  Free(needed);
  EXPECT_NO_THROW(LoadUnet(*Open(api, plain), *stream));
}

TEST_F(LoadMemory, IsRefusedBeforeItIsTakenWithTheBatchSizeThatFits) {
  const auto stream = gpu.MakeStream();
  LoadUnet(*Open(api), *stream);
  ASSERT_EQ(notices.size(), 1u);
  const size_t needed = notices[0].bytes;
  std::vector<size_t> fitting;  // batch sizes, 0 for none
  for (size_t free = 0; free < needed; free += 8) {
    Free(free);
    notices.clear();
    const auto provider = Open(api);
    try {
      LoadUnet(*provider, *stream);
      ADD_FAILURE() << needed << " bytes were there of " << free;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
      const ErrorDetails& details = error.details();
      EXPECT_EQ(details.network, "unet");
      EXPECT_EQ(details.device, "cuda:0");
      EXPECT_EQ(details.bytes, needed) << error.what();
      EXPECT_EQ(details.free_bytes, free);
      EXPECT_EQ(gpu.FreeBytes(), free);
      ASSERT_EQ(notices.size(), 1u);
      EXPECT_EQ(notices[0].free_bytes, free);
      const size_t rows = details.batch_size.value_or(0);
      const std::string said =
          rows == 0 ? "too little even for 1 rows" : "enough for " + std::to_string(rows) + " rows";
      EXPECT_NE(std::string(error.what()).find(said), std::string::npos) << error.what();
      if (fitting.empty() || fitting.back() != rows) fitting.push_back(rows);
    }
    // It is no more than that, and really is enough.
    const size_t rows = fitting.back();
    if (rows > 0) {
      EXPECT_NO_THROW(LoadUnet(*Open(api), *stream, rows)) << free;
    }
    EXPECT_THROW(LoadUnet(*Open(api), *stream, rows + 1), Error) << free;
  }
  EXPECT_EQ(fitting, (std::vector<size_t>{0, 1, 2, 3}));
  Free(needed);
  EXPECT_NO_THROW(LoadUnet(*Open(api), *stream));
}

TEST_F(LoadMemory, IsSharedByTheNetworksOfAStream) {
  const auto stream = gpu.MakeStream(), other = gpu.MakeStream();
  const auto provider = Open(api);
  const auto first = LoadUnet(*provider, *stream), second = LoadUnet(*provider, *stream);
  const auto third = LoadUnet(*provider, *other);
  ASSERT_EQ(notices.size(), 3u);
  const size_t scratch = 4 * kChannels * 4 * 4 * sizeof(float);  // the stand-in's, for four rows
  EXPECT_EQ(notices[1].bytes, notices[0].bytes - scratch);
  EXPECT_EQ(notices[2].bytes, notices[0].bytes);
}

// A model whose engines are in files.
class LoadMemoryOfAModel : public LoadMemory {
 protected:
  void SetUp() override {
    for (const Graph* graph : {bundle.text_encoder.get(), bundle.unet.get(), bundle.vae_decoder.get()}) {
      std::string engine;
      Interrupt interrupt;
      tensorrt::BuildEngine(
          tensorrt::EngineLibrary(api, {}), graph->source, {}, nullptr,
          [&](std::span<const std::byte> part) {
            engine.append(reinterpret_cast<const char*>(part.data()), part.size());
          },
          interrupt);
      const std::string name = graph->source.name + ".engine";
      folder.Write(name, engine);
      files_bytes += engine.size();
      NetworkSource& source =
          sources.emplace_back(NetworkSource{.name = graph->source.name, .graph = {}, .weights = {}, .maps = {}});
      source.engine = EngineFile{.path = folder.path(name), .compiled = ""};
    }
  }
  std::shared_ptr<Pipeline> LoadModel(const Arc2FaceEngineApi& with) {
    const PipelineSource source{
        .provider = Open(with), .networks = sources, .prompt = {{1, 2, 3}, {1, 3, 3}, 1}, .pixels_per_latent = 8};
    Interrupt interrupt;
    return Pipeline::Load(gpu, source, nullptr, interrupt);
  }

  const Bundle bundle{DataType::kFloat16};
  TemporaryFolder folder;
  std::vector<NetworkSource> sources;
  size_t files_bytes = 0;
};

TEST_F(LoadMemoryOfAModel, IsToldInTheOrderInWhichItIsTakenAndTheUNetsLast) {
  auto pipeline = LoadModel(api);
  std::vector<std::string> order;
  for (const Notice& notice : notices) order.push_back(notice.network);
  EXPECT_EQ(order, (std::vector<std::string>{"", "textEncoder", "vaeDecoder", "unet"}));
  EXPECT_EQ(notices[0].bytes, files_bytes);
  DisposeAndWait(gpu, *pipeline);
}

TEST_F(LoadMemoryOfAModel, IsRefusedBeforeAnyEngineIsOpenedIfTheirFilesAloneAreTooLarge) {
  const Arc2FaceEngineApi& faulty = FaultyApi(api);
  Free(files_bytes - 1);
  faults.Restart(-1);
  try {
    LoadModel(faulty);
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_EQ(error.details().bytes, files_bytes);
    EXPECT_EQ(error.details().free_bytes, files_bytes - 1);
    EXPECT_EQ(error.details().device, "cuda:0");
    EXPECT_EQ(error.details().batch_size, std::nullopt);
    EXPECT_NE(std::string(error.what()).find(std::to_string(files_bytes) + " bytes"), std::string::npos);
  }
  EXPECT_EQ(faults.calls, 1);  // the library was opened
  ASSERT_EQ(notices.size(), 1u);
}

TEST_F(LoadMemoryOfAModel, IsNotTakenFromEnginesThatAreStillToBeOpened) {
  // The stand-in's engines take no memory of the GPU: all of it is there until something is computed.
  const size_t free = *gpu.FreeBytes(), unet = std::filesystem::file_size(sources[1].engine->path);
  auto pipeline = LoadModel(api);
  DisposeAndWait(gpu, *pipeline);
  ASSERT_EQ(notices.size(), 4u);
  const size_t needed = notices[2].bytes, text_encoder = free - unet - notices[2].free_bytes;
  notices.clear();
  Free(text_encoder + unet + needed - 1);
  try {
    LoadModel(api);
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_EQ(error.details().network, "vaeDecoder");
    EXPECT_EQ(error.details().free_bytes, needed - 1);
    EXPECT_NE(std::string(error.what()).find(" besides " + std::to_string(unet) + " for"), std::string::npos)
        << error.what();
  }
  notices.clear();
  Free(text_encoder + unet + needed);
  try {
    pipeline = LoadModel(api);
    DisposeAndWait(gpu, *pipeline);
  } catch (const Error& error) {
    EXPECT_EQ(error.details().network, "unet");
  }
  ASSERT_EQ(notices.size(), 4u);
}

TEST_F(LoadMemoryOfAModel, IsNotToldWhereItIsUnknown) {
  Runtime().gpus = 1502;
  Runtime().shares_host_memory = true;
  const auto provider = OpenTensorRt(tensorrt::EngineLibrary(api, {}), CudaDevice(1501),
                                     [](const std::string&, size_t, size_t) { ADD_FAILURE() << "It was told."; });
  Runtime().memory = 0;
  EXPECT_NO_THROW(provider->CheckFits(sources));
}

}  // namespace
}  // namespace arc2face::testing

// Writes this package's graph for a checkpoint: node write-graph.js <folder>, after `npm run build:ts` and export.py.
// Makes <folder>/ours.onnx and <folder>/ours.json, which says where each weight is.
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigFile } from '../../dist/models/config-file.js';
import { readUNetConfig, unet } from '../../dist/models/unet.js';
import { openCheckpoint } from '../../dist/models/weights/checkpoint.js';
import { CheckpointWeights } from '../../dist/models/weights/weight-set.js';

const folder = resolve(process.argv[2]);
const config = await ConfigFile.read(`${folder}/unet/config.json`);
const checkpoint = await openCheckpoint(`${folder}/unet/diffusion_pytorch_model.safetensors`);
const weights = new CheckpointWeights(checkpoint);
const network = unet(readUNetConfig(config), weights, { operators: process.argv[3] ?? 'onnxruntime' });
weights.assertAllUsed();
await writeFile(`${folder}/ours.onnx`, network.graph);
await writeFile(`${folder}/ours.json`, JSON.stringify(network.weights));

// Writes the graphs of a bundle in both precisions: node write-graphs.js <bundle> <folder>, after `npm run build:ts`.
// Makes <folder>/<network>-fp32.onnx and -fp16.onnx, a .json beside each that says where its weights are, and tokens.json.
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openBundle } from '../../dist/lib/bundle/bundle.js';

const [bundle, folder] = process.argv.slice(2).map((path) => resolve(path));
await mkdir(folder, { recursive: true });
for (const precision of ['fp32', 'fp16']) {
	const { networks, files, tokens, geometry } = await openBundle(bundle, { operators: 'standard', precision });
	for (const name of ['textEncoder', 'unet', 'vaeDecoder']) {
		const { graph, weights } = networks[name];
		const file = join(folder, `${name}-${precision}`);
		await writeFile(`${file}.onnx`, graph);
		await writeFile(`${file}.json`, JSON.stringify(weights.map((one) => ({ ...one, file: files[one.file] }))));
	}
	const { prompt, identityPosition } = tokens;
	const latents = [geometry.height, geometry.width].map((side) => side / geometry.pixelsPerLatent);
	await writeFile(join(folder, 'inputs.json'), JSON.stringify({ prompt: [...prompt], identityPosition, latents }));
}

// The command `npm run random-bundle`.
import { parseArgs } from 'node:util';
import { writeRandomBundle } from './bundle.ts';

const usage = `Writes a model bundle with random weights: the official layout and sizes, for measuring and testing.

Usage: npm run random-bundle -- --out DIR [--size full|tiny] [--seed N] [--adapters] [--lcm-lora] [--taesd]

  --out DIR    the bundle's folder; made when it is not there
  --size NAME  full: the official networks' sizes, 4.5 GB (default); tiny: 128 × 128 pixels, 7 MB
  --seed N     integer that decides every value (default 0)
  --adapters   also a ControlNet, an expression adapter and a reference adapter
  --lcm-lora   also a LoRA for few steps, of 135 MB in full size
  --taesd      also a tiny autoencoder, of 10 MB in full size
`;

/** Exit codes are those of arc2face: 0 done, 1 failed, 2 wrong usage. */
async function main(): Promise<number> {
	const values = readArguments();
	if (values === undefined) {
		process.stderr.write(usage);
		return 2;
	}
	const started = performance.now();
	await writeRandomBundle(values.out, {
		...values,
		onFile: ({ path, sizeBytes }) => {
			const seconds = (performance.now() - started) / 1000;
			process.stderr.write(`${seconds.toFixed(1).padStart(6)} s  ${path}, ${sizeBytes} bytes\n`);
		},
	});
	return 0;
}

function readArguments() {
	try {
		const { values } = parseArgs({
			options: {
				out: { type: 'string' },
				size: { type: 'string', default: 'full' },
				seed: { type: 'string', default: '0' },
				adapters: { type: 'boolean', default: false },
				'lcm-lora': { type: 'boolean', default: false },
				taesd: { type: 'boolean', default: false },
			},
		});
		const { out, size, adapters, taesd } = values;
		const seed = Number(values.seed);
		if (out === undefined || !(size === 'full' || size === 'tiny') || !Number.isSafeInteger(seed)) return undefined;
		return { out, size, seed, adapters, taesd, lcmLora: values['lcm-lora'] } as const;
	} catch {
		return undefined;
	}
}

process.exitCode = await main().catch((error: unknown) => {
	process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
	return 1;
});

/**
 * In how many images without a mark one is found. Goes on where it was stopped: what is done lies in FILE.
 *
 *   node dist/benchmarks/watermark/false-alarms.js --renders DIR --photos DIR [--images 100000] [--state FILE]
 *
 * Of every five images, two are parts of photos and one of renders, 96 to 256 pixels a side (one in fifty: 512), one a portrait as the embedded bundle paints
 * it, or mirrored and resized, and one noise: white, of squares, or of waves.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { readWatermark } from '../../lib/provenance/watermark.ts';
import type { Pixels } from './attacks.ts';
import { imagesIn, partOf, portraits, randomFrom } from './images.ts';

const { values } = parseArgs({
	options: {
		renders: { type: 'string' },
		photos: { type: 'string' },
		images: { type: 'string', default: '100000' },
		state: { type: 'string', default: 'benchmarks/out/watermark/false-alarms.json' },
	},
});

/** Images looked at so far, by kind, and those of them in which a mark was found. */
type State = {
	done: number;
	kinds: Record<string, number>;
	alarms: { image: number; kind: string; falseAlarm: number }[];
};
const state: State = JSON.parse(
	await readFile(values.state, 'utf8').catch(() => '{ "done": 0, "kinds": {}, "alarms": [] }'),
);
const save = async () => {
	await mkdir(dirname(values.state), { recursive: true });
	await writeFile(values.state, JSON.stringify(state));
};

const photos = (await imagesIn(values.photos!)).map(({ image }) => image);
const renders = (await imagesIn(values.renders!)).map(({ image }) => image);
const painted: Pixels[] = [];
for await (const image of portraits(100)) painted.push(image!);

function noise(random: () => number): Pixels {
	const side = 96 + Math.floor(160 * random());
	const data = new Uint8Array(3 * side * side);
	const kind = Math.floor(3 * random());
	const grain = 1 + Math.floor(12 * random());
	const levels = Array.from({ length: side * side }, () => 256 * random());
	const [down, across] = [random(), random()];
	for (let i = 0; i < side * side; i++) {
		const [y, x] = [Math.floor(i / side), i % side];
		const squares = levels[Math.floor(y / grain) * side + Math.floor(x / grain)]!;
		const waves = 128 + 90 * Math.sin(down * y + across * x) + 0.1 * levels[i]!;
		const level = [levels[i]!, squares, waves][kind]!;
		data.fill(level, 3 * i, 3 * i + 3);
	}
	return { data, width: side, height: side };
}

async function imageOf(index: number): Promise<{ kind: string; image: Pixels }> {
	const random = randomFrom(index);
	const side = index % 50 === 0 ? 512 : 96 + Math.floor(161 * random());
	const any = (images: readonly Pixels[]) => images[Math.floor(random() * images.length)]!;
	switch (index % 5) {
		case 0:
		case 1:
			return { kind: 'photos', image: await partOf(any(photos), side, 0.2, random) };
		case 2:
			return { kind: 'renders', image: await partOf(any(renders), side, 0.3, random) };
		case 3: {
			const image = any(painted);
			return { kind: 'portraits', image: await partOf(image, random() < 0.5 ? image.width : side, 0.7, random) };
		}
		default:
			return { kind: 'noise', image: noise(random) };
	}
}

for (const end = Number(values.images); state.done < end; state.done++) {
	const { kind, image } = await imageOf(state.done);
	const found = await readWatermark(image);
	state.kinds[kind] = (state.kinds[kind] ?? 0) + 1;
	if (found !== undefined) state.alarms.push({ image: state.done, kind, falseAlarm: found.falseAlarm });
	if (state.done % 1000 === 999) await save();
}
await save();
console.log(
	`${state.alarms.length} marks found in ${state.done} images without one: ${Object.entries(state.kinds)
		.map(([kind, count]) => `${count} ${kind}`)
		.join(', ')}.`,
);
for (const { image, kind, falseAlarm } of state.alarms) console.log(`Image ${image} (${kind}): ${falseAlarm}`);
process.exitCode = state.alarms.length === 0 ? 0 : 1;

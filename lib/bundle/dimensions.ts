// What the names of sizes in a network's declaration mean: the shapes of its inputs, and the levels that they belong to.
import type { NetworkGraph, Shape } from '../../models/graph/graph.ts';

export type Declarations = Pick<NetworkGraph, 'inputs' | 'outputs'>;

/** What the names stand for. */
export type NamedSizes = Readonly<{
	batch: number;
	tokens: number;
	/** Of the latents. */
	height: number;
	width: number;
	pixelsPerLatent: number;
}>;

const levelName = /^(height|width|positions)_(\d+)$/;

/**
 * How often the sides of the latents are halved for an input or output, by its name; of those that say so.
 */
export function levelsOf({ inputs, outputs }: Declarations): Record<string, number> {
	const levels: Record<string, number> = {};
	for (const { name, shape } of [...inputs, ...outputs]) {
		const named = shape.map((size) => (typeof size === 'string' ? levelName.exec(size) : null)).find(Boolean);
		if (named) levels[name] = Number(named[2]);
	}
	return levels;
}

/** The shape of an input for these sizes. */
export function shapeFor(shape: Shape, sizes: NamedSizes): number[] {
	return shape.map((size) => (typeof size === 'number' ? size : sizeOf(size, sizes)));
}

function sizeOf(name: string, { batch, tokens, height, width, pixelsPerLatent }: NamedSizes): number {
	const known: Record<string, number> = {
		...{ batch, tokens, height, width },
		image_height: height * pixelsPerLatent,
		image_width: width * pixelsPerLatent,
	};
	if (Object.hasOwn(known, name)) return known[name]!;
	const [, axis, level] = levelName.exec(name) ?? [];
	if (axis === undefined) throw new TypeError(`a size of the unknown name ${name}`);
	const [rows, columns] = [halved(height, Number(level)), halved(width, Number(level))];
	return axis === 'positions' ? rows * columns : axis === 'height' ? rows : columns;
}

/** Each time rounded up. */
function halved(size: number, times: number): number {
	return Math.ceil(size / 2 ** times);
}

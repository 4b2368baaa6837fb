// How the images of a person differ besides their noise: pose and expression, drawn for each.
import { drawsFor } from './seeds.ts';

/** What may be drawn. */
export type Spread = Readonly<{
	/** The most that heads turn, nod and lean, in degrees, to either side; absent: no pose is asked for. */
	poses?: Readonly<{ yaw: number; pitch: number; roll: number; scale: number }>;
	/** Names of expressions, each as likely; absent: none is asked for. */
	expressions?: Readonly<{ names: readonly string[]; scale: number }>;
}>;

/** Of one image. */
export type Drawn = Readonly<{
	pose?: Readonly<{ yaw: number; pitch: number; roll: number }>;
	expression?: string;
}>;

/** Each angle is uniform, to a tenth of a degree. All tries of an image have the same: else hard poses would become rare. */
export function drawnFor(spread: Spread, seed: number, place: { person: number; image: number }): Drawn {
	const { poses, expressions } = spread;
	const [yaw, pitch, roll] = drawsFor(seed, place, 'pose') as [number, number, number];
	const [which] = drawsFor(seed, place, 'expression') as [number];
	const within = (most: number, draw: number) => Math.round(10 * most * (2 * draw - 1)) / 10 + 0; // no −0
	return {
		...(poses && {
			pose: { yaw: within(poses.yaw, yaw), pitch: within(poses.pitch, pitch), roll: within(poses.roll, roll) },
		}),
		...(expressions && { expression: expressions.names[Math.floor(which * expressions.names.length)]! }),
	};
}

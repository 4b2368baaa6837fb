// What a call paints from besides identities and noise: photos that are read, poses that are drawn, and the size that follows.
import { abandonable } from '../call.ts';
import { type AskedEdit, geometryOf, readEdit } from '../editing/edit.ts';
import type { Size } from '../geometry.ts';
import type { NativeEdit } from '../native.ts';
import type { GenerateOptions } from '../options/generate.ts';
import type { ResolvedSteering } from '../options/steering.ts';
import { type FindFace, type ReadSteering, readSteering } from '../steering/steering.ts';
import { sizeWarnings } from '../warnings.ts';
import type { Core, Model } from './model.ts';

export type Inputs = ReadSteering &
	Readonly<{
		size: Size;
		edit?: Omit<NativeEdit, 'photoOfImage'>;
	}>;

/** What a call asks for, checked. */
export type AskedInputs = Readonly<{
	edit: AskedEdit | undefined;
	steering: ResolvedSteering;
	/** What the call says of it. */
	sides: Pick<GenerateOptions, 'width' | 'height'>;
	images: number;
}>;

/** @throws {Arc2FaceError} `INVALID_ARGUMENT`; `INVALID_IMAGE`; for a reference whose face is looked for, what `encode` throws */
export async function readInputs(
	{ edit: asked, steering: wanted, sides, images }: AskedInputs,
	{ bundle, geometry }: Pick<Model, 'bundle' | 'geometry'>,
	core: Pick<Core, 'findFace'>,
	signal: AbortSignal,
): Promise<Inputs> {
	signal.throwIfAborted();
	const read = asked && (await abandonable(readEdit(asked), signal));
	const own = read === undefined ? geometry : geometryOf(read, geometry, sides);
	const size = { width: sides.width ?? own.width, height: sides.height ?? own.height };
	const findFace: FindFace = (photo, choice) => core.findFace(photo, choice, signal);
	const steering = await abandonable(readSteering(wanted, bundle, images, size, findFace), signal);
	return {
		...{ ...steering, size, warnings: [...sizeWarnings(size, bundle.geometry), ...steering.warnings] },
		...(asked && read && { edit: { ...read, overlay: asked.overlay, drawsOnce: asked.drawsOnce } }),
	};
}

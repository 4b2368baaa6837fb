// The provider libraries of this build, and what of NVIDIA's is on this machine.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { insideFile } from './inside.ts';

/** What a provider library opens; absolute paths. */
export type EnginePaths = { provider: string; core: string; parser?: string };

const beside = (name: string) => join(dirname(insideFile), '..', `${name}.so`);
const libraries = fileURLToPath(new URL('../.toolchain/tensorrt-rtx/tensorrt_rtx_libs', import.meta.url));

/** This build's provider libraries. */
export const providers = {
	tensorrt: process.env.ARC2FACE_TENSORRT_PROVIDER ?? beside('arc2face_tensorrt'),
	tensorrt10: process.env.ARC2FACE_TENSORRT10_PROVIDER ?? beside('arc2face_tensorrt10'),
	rtx: process.env.ARC2FACE_RTX_PROVIDER ?? beside('arc2face_tensorrt_rtx'),
};

/** TensorRT-RTX, with the provider library of this build. */
export const rtx: EnginePaths = {
	provider: providers.rtx,
	core: join(process.env.TENSORRT_RTX_LIBRARY_DIR ?? libraries, 'libtensorrt_rtx.so.1'),
	parser: join(process.env.TENSORRT_RTX_LIBRARY_DIR ?? libraries, 'libtensorrt_onnxparser_rtx.so.1'),
};

/** The stand-in, whose engines compute on the host. It opens none of NVIDIA's libraries. */
export const standIn: EnginePaths = {
	provider: process.env.ARC2FACE_STAND_IN ?? join(dirname(insideFile), 'arc2face_stand_in.so'),
	core: '',
};

/** Why engines of TensorRT-RTX can't be built here; undefined when they can. */
export function withoutRtx(): string | undefined {
	const missing = Object.values(rtx).find((path) => !existsSync(path));
	return missing === undefined ? undefined : `there is no ${missing} (npm run toolchain, then npm run build:native)`;
}

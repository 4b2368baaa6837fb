// Which file of a bundle is at fault when the core fails with one of its networks.
import { Arc2FaceError } from '../errors.ts';
import type { NativeNetwork, NativeNetworks } from '../native.ts';
import { type Bundle, withPull } from './bundle.ts';

/** What a bundle's files have become. */
type Loaded = Pick<Bundle, 'folder' | 'files'> & Readonly<{ networks: NativeNetworks<NativeNetwork> }>;

/** What the core does with a network. */
type Work = 'load' | 'run';

/**
 * An error of the core with the file at fault and a remedy, as far as they are known. The core knows networks by name: if one is an
 * ONNX file, that file is at fault.
 */
export function blamed(error: unknown, bundle: Loaded, work: Work): unknown {
	if (!(error instanceof Arc2FaceError)) return error;
	if (error.code === 'ENGINE_FAILED') return withOnnxFile(error, bundle, work);
	if (error.code !== 'INVALID_WEIGHTS' && error.code !== 'INVALID_BUNDLE') return error;
	return withPull(withRemedy(withOnnxFile(error, bundle, work), work), bundle.folder);
}

function withOnnxFile(error: Arc2FaceError, { files, networks }: Loaded, work: Work): Arc2FaceError {
	const entry = Object.entries(networks).find(([name]) => name === error.details.network);
	if (entry === undefined || !('file' in entry[1])) return error;
	const file = files[entry[1].file];
	return error.with({ problem: `Could not ${work} ${file}. ${error.problem}`, details: { file } });
}

function withRemedy(error: Arc2FaceError, work: Work): Arc2FaceError {
	if (error.details.file === undefined || error.remedy !== undefined) return error;
	return error.with({ remedy: remedies[work] });
}

const remedies: Readonly<Record<Work, string>> = {
	load: 'Copy or download the file again: it is damaged, or of a kind that the runtime does not know.',
	run: 'The file is damaged: copy or download it again, then load the model again.',
};

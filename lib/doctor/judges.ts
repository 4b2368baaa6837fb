// Checks the networks of a bundle that judge images.
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import type { Checkpoint } from '../../models/weights/reference.ts';
import {
	judgeNames,
	judgeNetworks,
	judgePaths,
	judgeRemedy,
	missingJudgePaths,
	writeDownJudge,
} from '../bundle/judges.ts';
import { Arc2FaceError } from '../errors.ts';
import type { Examined } from './examined.ts';

/** Those of which a file is there: each needs all of its files. */
export async function examineJudges(files: Examined, bundle: string): Promise<void> {
	for (const name of judgeNames) {
		const { label } = judgeNetworks[name];
		const paths = judgePaths(bundle, name);
		const missing = await missingJudgePaths(bundle, name);
		if (missing.length === paths.length) continue;
		for (const file of missing) {
			const problem = `There is no ${file}: without it the rest of ${label} is not used.`;
			files.blame(
				file,
				label,
				new Arc2FaceError('INVALID_BUNDLE', problem, { remedy: judgeRemedy, details: { file } }),
			);
		}
		const checkpoints: Checkpoint[] = [];
		for (const path of paths.filter((one) => !missing.includes(one))) {
			const checkpoint = await files.check(path, label, undefined, () => openCheckpoint(path));
			if (checkpoint === undefined) continue;
			files.hold(checkpoint, label);
			checkpoints.push(checkpoint);
		}
		if (checkpoints.length < paths.length) continue;
		await files.check(paths[0]!, label, undefined, async () => writeDownJudge(name, checkpoints, 'standard'));
	}
}

// Checks the adapters of a bundle, and what belongs to them.
import { join } from 'node:path';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { adapterFiles, adapterNames, checkAdapter, findAdapter } from '../bundle/adapters.ts';
import { expressionsName, readExpressions } from '../bundle/expressions.ts';
import { framingPath, readFraming } from '../bundle/framing.ts';
import { isThere, type ReadConfig } from '../bundle/network-files.ts';
import type { Examined } from './examined.ts';

/** What the files beside the adapters are for. */
export const namesUse = 'names of expressions';
export const framingUse = 'framing of poses';

/** The adapters that are there, each against the UNet's config, and the files that name and frame what they show. */
export async function examineAdapters(
	files: Examined,
	bundle: string,
	unet: ReadConfig<'unet'> | undefined,
): Promise<void> {
	for (const name of adapterNames) {
		const { label, folder } = adapterFiles[name];
		if (!(await isThere(join(bundle, folder)))) continue;
		const path = await files.check(join(bundle, folder), label, undefined, () => findAdapter(bundle, name));
		const checkpoint = path && (await files.check(path, label, undefined, () => openCheckpoint(path)));
		if (!checkpoint) continue;
		files.hold(checkpoint, label);
		await files.check(path, label, undefined, async () => checkAdapter(name, checkpoint, unet?.config));
	}
	const expressions = join(bundle, expressionsName);
	if (await isThere(expressions)) {
		await files.check(expressions, namesUse, 'JSON', () => readExpressions(bundle));
	}
	const framing = join(bundle, framingPath);
	if (await isThere(framing)) await files.check(framing, framingUse, 'JSON', () => readFraming(bundle));
}

// The ledger and the deny list of a model, on the command line, and the key to both.
import { DenyList } from '../consent/deny-list.ts';
import { ConsentLedger } from '../consent/ledger.ts';
import { keyVariable, type OpenOptions } from '../options/consent.ts';
import type { OptionValues } from './command.ts';

export const keyOptions = {
	keyFile: {
		type: 'path',
		value: 'FILE',
		help: `the key: 32 bytes, or their text in base64 or hexadecimal (default: ${keyVariable} holds the text, if it is set)`,
	},
} as const;

/** What stands between a model and its images. */
export type Guards = { consent?: ConsentLedger | undefined; denyList?: DenyList | undefined };
export type KeyValues = OptionValues<typeof keyOptions>;

/** Those that a command which paints asks for. @throws {Arc2FaceError} as their `open` does */
export async function openGuards({
	consent,
	denyList,
	...key
}: KeyValues & { consent?: string | undefined; denyList?: string | undefined }): Promise<
	AsyncDisposable & { guards: Guards }
> {
	const guards: Guards = {};
	const dispose = async () => {
		await guards.consent?.dispose();
		await guards.denyList?.dispose();
	};
	try {
		if (consent !== undefined) guards.consent = await ConsentLedger.open(consent, keyOf(key));
		if (denyList !== undefined) guards.denyList = await DenyList.open(denyList, keyOf(key));
	} catch (error) {
		await dispose();
		throw error;
	}
	return { guards, [Symbol.asyncDispose]: dispose };
}

/** How a file is opened with it. */
export function keyOf({ keyFile }: KeyValues): OpenOptions {
	if (keyFile !== undefined) return { keyFile };
	const key = process.env[keyVariable];
	return key === undefined || key === '' ? {} : { key };
}

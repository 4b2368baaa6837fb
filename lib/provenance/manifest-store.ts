// What c2pa-rs tells of the manifests of a file, as far as it is looked at here, and how it is asked.

/** One thing that it checked and that does not hold. */
export type Fault = Readonly<{ code: string; explanation?: string }>;

export type Manifest = Readonly<{
	claim_generator_info?: readonly Readonly<{ name?: string; version?: string }>[];
	ingredients?: readonly Readonly<{ title?: string; relationship?: string }>[];
	/** `data` is what the signer wrote, whatever that is. */
	assertions?: readonly Readonly<{ label: string; data?: unknown }>[];
	signature_info?: Readonly<{ alg?: string; issuer?: string; common_name?: string }>;
}>;

export type ManifestStore = Readonly<{
	/** The label of the manifest that is about the file as it is. */
	active_manifest?: string;
	manifests?: Readonly<Record<string, Manifest>>;
	/** Of `signingCredential.untrusted`, too. Absent where all holds. */
	validation_status?: readonly Fault[];
}>;

/** What actions say of where the image comes from, as the IPTC calls it: the first that says it. */
export function sourceTypeOf({ assertions = [] }: Manifest): string | undefined {
	const saying = assertions.filter(({ label }) => label === 'c2pa.actions' || label === 'c2pa.actions.v2');
	const actions = saying.flatMap(({ data }) => fieldOf(data, 'actions') ?? []);
	return actions.map((action) => fieldOf(action, 'digitalSourceType')).find(isText);
}

/** Text of an assertion that has one of that name. */
export function textOf({ assertions = [] }: Manifest, label: string, name: string): string | undefined {
	const text = fieldOf(assertions.find((one) => one.label === label)?.data, name);
	return isText(text) ? text : undefined;
}

function fieldOf(data: unknown, name: string): unknown {
	return typeof data === 'object' && data !== null ? Reflect.get(data, name) : undefined;
}

function isText(value: unknown): value is string {
	return typeof value === 'string';
}

/** That nobody who is trusted signed: of a signer that nobody was asked about, too. */
export const untrusted = 'signingCredential.untrusted';

/** What does not hold, but for whether the signer is trusted. */
export function faultsOf({ validation_status: status = [] }: ManifestStore): readonly Fault[] {
	return status.filter(({ code }) => code !== untrusted);
}

/**
 * No file makes this machine ask others anything.
 *
 * @param trusted - certificates of issuers in PEM
 */
export function readingSettings(trusted?: string): string {
	return JSON.stringify({
		verify: { verify_trust: true, ocsp_fetch: false, remote_manifest_fetch: false },
		...(trusted !== undefined && { trust: { user_anchors: trusted } }),
	});
}

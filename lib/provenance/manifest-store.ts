// What c2pa-rs tells of the manifests of a file, as far as it is looked at here, and how it is asked.

/** One thing that it checked and that does not hold. */
export type Fault = Readonly<{ code: string; explanation?: string }>;

/** An action that made the image. */
export type Action = Readonly<{ action?: string; digitalSourceType?: string }>;

export type Manifest = Readonly<{
	claim_generator_info?: readonly Readonly<{ name?: string; version?: string }>[];
	ingredients?: readonly Readonly<{ title?: string; relationship?: string }>[];
	assertions?: readonly Readonly<{ label: string; data?: Readonly<{ actions?: readonly Action[]; hash?: string }> }>[];
	signature_info?: Readonly<{ alg?: string; issuer?: string; common_name?: string }>;
}>;

export type ManifestStore = Readonly<{
	/** The label of the manifest that is about the file as it is. */
	active_manifest?: string;
	manifests?: Readonly<Record<string, Manifest>>;
	/** Of `signingCredential.untrusted`, too. Absent where all holds. */
	validation_status?: readonly Fault[];
}>;

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

// What a ledger keeps beside its log, to be removed: encrypted identities, and digests of what proves consent.
import { sha256 } from '../files/digests.ts';

export const privateTables =
	'CREATE TABLE identities (id TEXT PRIMARY KEY, salt TEXT NOT NULL, sealed BLOB NOT NULL) STRICT;' +
	'CREATE TABLE evidence (id TEXT PRIMARY KEY, salt TEXT NOT NULL, digest TEXT NOT NULL) STRICT;';

/** What the log has of an identity. Without the salt, which goes with the identity, it fits any. */
export function identityDigest({ salt, sealed }: { salt: string; sealed: Uint8Array }): string {
	return sha256(salt, sealed);
}

/** What the log has of evidence, likewise. */
export function evidenceDigest({ salt, digest }: { salt: string; digest: string }): string {
	return sha256(salt, digest);
}

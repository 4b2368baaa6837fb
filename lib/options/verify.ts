// The options of `verifyImage`.
import { certificatesInPem } from './certificates.ts';
import { check, invalid, rules } from './check.ts';

/** The options of `verifyImage`. */
export interface VerifyOptions {
	/**
	 * Certificates in PEM of the issuers whose signers count (default: any signature counts for what it shows, that the file is
	 * unchanged).
	 */
	trust?: string | undefined;
	/** Stops the call. */
	signal?: AbortSignal | undefined;
}

/**
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function resolveVerifyOptions(options: VerifyOptions = {}): VerifyOptions {
	check('verifyImage', options, { trust: rules.text, signal: rules.signal });
	const { trust, signal } = options;
	if (trust !== undefined && !isCertificates(trust)) throw invalid('certificates in PEM', 'trust', 'something else');
	return { trust, signal };
}

function isCertificates(pem: string): boolean {
	try {
		return certificatesInPem(pem).length > 0;
	} catch {
		return false;
	}
}

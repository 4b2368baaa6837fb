// The options of `verifyImage`.
import { X509Certificate } from 'node:crypto';
import { check, invalid, rules } from './check.ts';

/** The options of `verifyImage`. */
export interface VerifyOptions {
	/**
	 * Certificates in PEM of the issuers whose signers count (default: any signature counts for what it shows, that the file is
	 * unchanged).
	 */
	trust?: string | undefined;
}

/**
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 * @internal
 */
export function resolveVerifyOptions(options: VerifyOptions = {}): VerifyOptions {
	check('verifyImage', options, { trust: rules.text });
	const { trust } = options;
	if (trust !== undefined && !isCertificates(trust)) throw invalid('certificates in PEM', 'trust', 'something else');
	return { trust };
}

function isCertificates(pem: string): boolean {
	const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
	try {
		return blocks.map((block) => new X509Certificate(block)).length > 0;
	} catch {
		return false;
	}
}

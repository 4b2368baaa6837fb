// What a server with a consent ledger has to be told. Asked for once the server has said that it wants to know.
import { found } from './dom.js';

const fields = ['purpose', 'subject'];

/** Those that were filled in, as fields of a request. */
export function consentFields() {
	return Object.fromEntries(fields.map((name) => [name, found(name).value.trim()]).filter(([, text]) => text !== ''));
}

/** Shows the fields where this failure is for want of them. */
export function askForConsent({ code, details }) {
	if (code !== 'CONSENT_REQUIRED' && !fields.includes(details?.option)) return;
	found('consent').hidden = false;
	found('purpose').focus();
}

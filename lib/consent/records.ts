// The records of a ledger, as its log tells them.
import type { ConsentReason } from '../errors.ts';
import type { AskedConsent, RecordChoice } from '../options/consent.ts';
import type { Entry, Event } from './log.ts';

/** What a person consented to, and whether it still counts. */
export interface ConsentRecord {
	/** Of this record. */
	readonly id: string;
	/** How the person is called elsewhere. */
	readonly subject: string;
	/** What the images are for. */
	readonly purpose: string;
	/** For which parts of the purpose alone; absent: for all of it. */
	readonly scope?: readonly string[];
	/** When consent ends, as an ISO date; absent: when it is revoked. */
	readonly expires?: string;
	/** When it was recorded, as an ISO date. */
	readonly added: string;
	/** When it was revoked. */
	readonly revoked?: string;
	/** When all was erased but what the log has. */
	readonly erased?: string;
	/** Whether it counts now. */
	readonly state: 'valid' | 'expired' | 'revoked' | 'erased';
	/** Whether an encrypted identity is kept. */
	readonly hasIdentity: boolean;
	/** Whether the digest of what proves it is kept. */
	readonly hasEvidence: boolean;
	/** How many images were painted under it. */
	readonly painted: number;
}

type Added = Extract<Event, { kind: 'add' }>;
type Known = { event: Added; added: string; revoked?: string; erased?: string; painted: number };

export class Records {
	readonly #known = new Map<string, Known>();

	/** In the order of the log. */
	take(entry: Entry): void {
		if (entry.kind === 'add') {
			this.#known.set(entry.record, { event: entry, added: entry.at, painted: 0 });
			return;
		}
		const known = this.#known.get(entry.record ?? '');
		if (known === undefined) return;
		if (entry.kind === 'paint') known.painted++;
		if (entry.kind === 'revoke' || entry.kind === 'erase') known.revoked ??= entry.at;
		if (entry.kind === 'erase') known.erased ??= entry.at;
	}

	/** What its first entry says. */
	event(record: string): Added | undefined {
		return this.#known.get(record)?.event;
	}

	all({ record, subject, purpose }: RecordChoice = {}, now = Date.now()): ConsentRecord[] {
		return [...this.#known]
			.filter(([id, { event }]) => {
				const isWanted = (wanted: string | undefined, value: string) => wanted === undefined || wanted === value;
				return isWanted(record, id) && isWanted(subject, event.subject) && isWanted(purpose, event.purpose);
			})
			.map(([id, known]) => recordOf(id, known, now));
	}

	/**
	 * What the records say to what is asked.
	 *
	 * @param ids - of the person
	 * @returns those that allow it; if there are none, why the one that is nearest to it does not
	 */
	answer(ids: readonly string[], { purpose, scope }: AskedConsent): { valid: string[]; reason: ConsentReason } {
		const valid: string[] = [];
		const reasons: ConsentReason[] = [];
		for (const id of ids) {
			const known = this.#known.get(id);
			if (known === undefined) continue;
			const record = recordOf(id, known, Date.now());
			if (record.purpose !== purpose) reasons.push('purpose');
			else if (record.revoked !== undefined) reasons.push('revoked');
			else if (record.state === 'expired') reasons.push('expired');
			else if (record.scope !== undefined && (scope === undefined || !record.scope.includes(scope)))
				reasons.push('scope');
			else valid.push(record.id);
		}
		return { valid, reason: nearestFirst.find((reason) => reasons.includes(reason)) ?? 'none' };
	}
}

const nearestFirst: readonly ConsentReason[] = ['scope', 'expired', 'revoked', 'purpose'];

function recordOf(id: string, { event, added, revoked, erased, painted }: Known, now: number): ConsentRecord {
	const { subject, purpose, scope, expires } = event;
	const isOver = expires !== undefined && Date.parse(expires) <= now;
	return {
		...{ id, subject, purpose, ...(scope && { scope }), ...(expires !== undefined && { expires }), added },
		...(revoked !== undefined && { revoked }),
		...(erased !== undefined && { erased }),
		state: erased !== undefined ? 'erased' : revoked !== undefined ? 'revoked' : isOver ? 'expired' : 'valid',
		hasIdentity: event.identity !== undefined && revoked === undefined,
		hasEvidence: event.evidence !== undefined && erased === undefined,
		painted,
	};
}
